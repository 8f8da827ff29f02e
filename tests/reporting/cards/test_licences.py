"""Licences of weights and data, on a card."""

from records import BASE

from mmseg_mammo.reporting.cards.licences import data_licences, unknown_licences, weight_table

UNKNOWN = dict.fromkeys(('licence', 'publisher', 'trained_on'), 'unknown')
CHAIN = [{'role': 'load_from', 'file': '/home/me/b.pth', 'sha256': None, **UNKNOWN, 'base': [BASE]}]


def test_the_chain_of_weights_is_shown_without_folders():
    first, second = weight_table(CHAIN).rows
    assert first == ('b.pth', 'load_from', 'unknown', 'unknown', 'unknown', 'unknown')
    assert second[:3] == ('ViT-L_16.npz', 'pretrained of b.pth', 'Apache-2.0')
    assert second[-1] == 'a' * 12
    assert unknown_licences(CHAIN) == ['b.pth']


def test_the_licence_of_a_hospitals_own_data_is_not_guessed():
    said = data_licences(['zgt', 'cbis-ddsm', 'zgt'])
    assert said.startswith('Licence of the images: cbis-ddsm: CC BY 3.0')
    assert said.endswith('; zgt: unknown.')

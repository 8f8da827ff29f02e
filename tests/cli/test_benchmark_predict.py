"""``benchmark predict``: the sides in a table, a file and a picture."""

import json

import pytest
from tool_calls import CBIS, OURS, call, options


def test_ours_and_theirs_are_compared_on_images(prepared, tmp_path, monkeypatch, capsys):
    out = tmp_path / 'a.json'
    arguments = ['predict', CBIS, '--side', 32, '--count', 1, '--device', 'cpu', '--out', out]
    call(
        monkeypatch,
        OURS / 'benchmark.py',
        *arguments,
        '--cfg-options',
        *options(prepared, 'train', 'test'),
    )
    (row,) = json.loads(out.read_text(), parse_constant=pytest.fail)['rows']
    assert row['images'] == 1
    printed = capsys.readouterr().out
    for name in ('ours', 'inference_model', "inference_model, mmseg's ViT", 'mammoseg predict'):
        assert f'| {name} | 1 |' in printed
    assert (tmp_path / 'a.png').is_file()

"""The card of a model: from its record, and from the tests of this very checkpoint."""

import json
import shutil
from pathlib import Path

import pytest
from records import RECORD, save
from runs import make_runs

from mmseg_mammo.reporting.cards.card import render_card
from mmseg_mammo.reporting.cards.model import model_card, select_tests
from mmseg_mammo.reporting.runs import find_runs

LIMIT = 'No test of this checkpoint was given'


@pytest.fixture(scope='module')
def made_here(tmp_path_factory):
    """Two models, tested on two data sets each; only the second one's checkpoint is a file."""
    root = tmp_path_factory.mktemp('work_dirs')
    make_runs(root, images=12)
    checkpoint = save(root / 'setr_pup_vpt_cbis' / 'epoch_3.pth')
    for run in root.glob('setr*/*/run.json'):
        record = json.loads(run.read_text())
        if record['mode'] == 'test':
            run.write_text(json.dumps(record | {'checkpoint': str(checkpoint)}))
    return checkpoint


def page(record=RECORD, runs=None):
    return render_card('Model', model_card(record, 'c' * 64, runs), {})


def test_the_record_fills_the_fields():
    text = page()
    for line in (
        'InputGridEncoderDecoder, trained on 4 mammograms of 2 patients.',
        'Epoch 3, step 6, of a training by mmseg_mammo 9.9.9. SHA-256 ' + 'c' * 64,
        'probability is above 0.5',
        '| train | 4 | 2 | 3 lesion, 1 normal | 4 phantom | 4 test | bbbbbbbbbbbb |',
        '| ViT-L\\_16.npz | pretrained | Apache-2.0 | google-research/vision\\_transformer |',
        'lesion_dice 61.25; no estimate for other images',
        'Licence of the images: test: unknown.',
        '- Trained on phantoms',
        'input 224×224 pixels by Resize',
        f'- {LIMIT}',
    ):
        assert line in text
    assert 'data/cbis_ddsm' not in text  # nor any other folder
    assert 'weights/' not in text


def test_an_unknown_licence_is_a_limit():
    base = RECORD['base'][0] | {'file': '/x/mine.pth', 'licence': 'unknown'}
    assert '- The licence of mine.pth, which it began from, is unknown.' in page(
        RECORD | {'base': [base]}
    )
    assert 'None: trained from scratch.' in page(RECORD | {'base': []})


def test_what_a_record_need_not_have_may_be_missing():
    few = RECORD | {'trained_on': {'train': {'type': 'Mine', 'images': 5}}, 'best_score': {}}
    few |= {'images': RECORD['images'] | {'count': 0, 'quantiles': {}}}
    text = page(few)
    assert 'trained on 5 mammograms.' in text
    assert 'Licence of the images: unknown.' in text
    assert '- No training image is known to be normal' in text


def test_scores_by_stratum_are_those_of_its_own_tests(made_here):
    runs = select_tests(find_runs([made_here.parents[1]]), made_here, RECORD)
    assert {test.model for test in runs.tests} == {'setr_pup_vpt'}
    assert runs.datasets == ('cbis_ddsm', 'zgt')
    assert (
        'of another checkpoint'
        in dict(runs.left_out)[made_here.parents[1] / 'unet_cbis' / '20260102_000000']
    )
    text = page(runs=runs)
    assert LIMIT not in text
    assert 'Tests: `20260102_000000` on cbis_ddsm, `20260103_000000` on zgt.' in text
    for title in ('Results on zgt', 'zgt by view', 'Lesions of zgt', 'cbis\\_ddsm by density'):
        assert f'**{title}**' in text
    assert 'FROC' not in text
    assert '| unet' not in text


def test_another_name_of_the_file_is_the_same_checkpoint(made_here, tmp_path):
    best = made_here.with_name('best.pth')
    best.hardlink_to(made_here)
    found = find_runs([made_here.parents[1]])
    assert len(select_tests(found, best, RECORD).tests) == 2
    other = Path(shutil.copy(made_here, tmp_path / 'epoch_3.pth'))
    assert select_tests(found, other, RECORD).tests == ()


def test_a_test_of_what_best_pth_was_before_does_not_count(made_here):
    path = made_here.parent / '20260102_000000' / 'run.json'
    before = path.read_text()
    path.write_text(json.dumps(json.loads(before) | {'checkpoint_iter': 2}))
    runs = select_tests(find_runs([made_here.parents[1]]), made_here, RECORD)
    path.write_text(before)
    assert runs.datasets == ('zgt',)
    assert dict(runs.left_out)[path.parent] == 'of an earlier epoch_3.pth, of step 2'

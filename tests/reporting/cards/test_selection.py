"""The tests of one checkpoint, among others."""

import json
import shutil
from pathlib import Path

from records import RECORD

from mmseg_mammo.reporting.cards.selection import select_tests
from mmseg_mammo.reporting.runs import find_runs


def test_another_name_of_the_file_is_the_same_checkpoint(tested, tmp_path):
    best = tested.with_name('best.pth')
    best.hardlink_to(tested)
    found = find_runs([tested.parents[1]])
    assert len(select_tests(found, best, RECORD).tests) == 2
    other = Path(shutil.copy(tested, tmp_path / 'epoch_3.pth'))
    assert select_tests(found, other, RECORD).tests == ()


def test_a_test_of_what_best_pth_was_before_does_not_count(tested):
    path = tested.parent / '20260102_000000' / 'run.json'
    path.write_text(json.dumps(json.loads(path.read_text()) | {'checkpoint_iter': 2}))
    runs = select_tests(find_runs([tested.parents[1]]), tested, RECORD)
    assert runs.datasets == ('zgt',)
    assert dict(runs.left_out)[path.parent] == 'of an earlier epoch_3.pth, of step 2'


def test_masks_of_another_system_are_called_that(tested):
    path = tested.parents[1] / 'unet_cbis' / '20260102_000000' / 'run.json'
    run = json.loads(path.read_text()) | {
        'checkpoint': None,
        'imported': {'name': 'CAD', 'missing': 0},
    }
    path.write_text(json.dumps(run))
    left_out = dict(select_tests(find_runs([tested.parents[1]]), tested, RECORD).left_out)
    assert left_out[path.parent] == 'of masks of another system, not of a checkpoint'

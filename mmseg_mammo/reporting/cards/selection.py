"""Selection: which of the tests that were found are of one checkpoint, whatever its file is called."""

from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from mmseg_mammo.io.run_folder import TRAINED_STEPS
from mmseg_mammo.reporting.consistency import find_warnings
from mmseg_mammo.reporting.naming import may_be_one
from mmseg_mammo.reporting.run_reader import Test
from mmseg_mammo.reporting.runs import Runs


def select_tests(runs: Runs, checkpoint: Path, record: Mapping[str, Any]) -> Runs:
    """The tests of one checkpoint; the others are left out, each with the reason.

    Args:
        runs: Of :func:`mmseg_mammo.reporting.runs.find_runs`.
        checkpoint: The file; it may have other names, as ``best.pth`` has.
        record: That in it.
    """
    kept, left_out = [], list(runs.left_out)
    for test in runs.tests:
        if reason := _another(test, checkpoint, record):
            left_out.append((test.folder, reason))
        else:
            kept.append(test)
    return Runs(tuple(kept), tuple(left_out), tuple(find_warnings(kept)))


def _another(test: Test, checkpoint: Path, record: Mapping[str, Any]) -> str:
    """Why a test is not of this checkpoint; '' if it is."""
    if test.imported:
        return 'of masks of another system, not of a checkpoint'
    tested = Path(test.run.get('checkpoint') or '')
    if tested.is_file():
        same = tested.samefile(checkpoint)
    else:  # tested elsewhere, or moved since
        same = may_be_one(PurePath(tested), PurePath(checkpoint.absolute()))
    if not same:
        return f'of another checkpoint, {tested}'
    steps = test.run.get(TRAINED_STEPS)
    if steps is not None and steps != record['iter']:
        return f'of an earlier {checkpoint.name}, of step {steps}'
    return ''

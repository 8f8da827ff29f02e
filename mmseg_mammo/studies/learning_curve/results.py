"""Results of a cell: its test, scores patient by patient, and what was trained."""

from pathlib import Path
from typing import Any

import numpy as np

from mmseg_mammo.engine.config.stored import read_stored_config
from mmseg_mammo.engine.config.test_output import threshold_of
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.checkpoint_record import FEW, read_record
from mmseg_mammo.io.files import read_json
from mmseg_mammo.io.run_folder import IMAGES, RUN, TEST_COLUMNS, read_records
from mmseg_mammo.studies.in_turn import test_in_turn


def run_test(
    checkpoint: Path,
    data_root: Path,
    ann_file: str | None,
    work_dir: Path,
    device: str | None = None,
) -> Path:
    """Test a checkpoint, with its own image steps, on the split ``test`` of an index.

    Args:
        checkpoint: With its config.
        data_root: Prepared folder.
        ann_file: Index; None: that of the folder.
        work_dir: Of the test.
        device: See ``--device``.

    Returns:
        The run folder.
    """
    cfg = read_stored_config(checkpoint)
    loader = cfg.get('test_dataloader')
    if not loader or not loader.get('dataset'):
        raise MammoError(f'{checkpoint}: its config has no test', 'a test_dataloader')
    loader.dataset = {
        'type': 'MammographyDataset',
        'data_root': str(data_root),
        **({'ann_file': ann_file} if ann_file else {}),
        'split': 'test',
        'test_mode': True,
        'pipeline': loader.dataset.pipeline,
    }
    if device:
        cfg.device = device
    return test_in_turn(cfg, checkpoint, work_dir)


def test_results(run: Path) -> dict[str, Any]:
    """Scores of a test in percent, and of each of its patients with a lesion.

    Images whose lesion nobody outlined do not count.

    Args:
        run: Folder of the test.

    Returns:
        ``lesion_dice``, ``dice``, and ``tested``: patient, lesion_images, lesion_dice.
    """
    found = read_records(run / IMAGES, (*TEST_COLUMNS, 'dice'))
    found = found.where(~np.isnan(found['truth_pixels']))
    dice, lesion = 100 * found['dice'], found['truth_pixels'] > 0
    patients = found.patients
    tested = [
        {
            'patient': str(patient),
            'lesion_images': int((lesion & (patients == patient)).sum()),
            'lesion_dice': round(float(dice[lesion & (patients == patient)].mean()), 4),
        }
        for patient in np.unique(patients[lesion])
    ]
    return {
        'lesion_dice': round(float(dice[lesion].mean()), 4) if lesion.any() else None,
        'dice': round(float(dice.mean()), 4) if len(dice) else None,
        'tested': tested,
    }


def model_facts(checkpoint: Path, folder: Path | None = None) -> dict[str, Any]:
    """What a checkpoint is: its threshold, its parameters, and whether it is the start after all.

    Args:
        checkpoint: That was tested.
        folder: Of its trainings; None for the start.
    """
    few = (read_record(checkpoint) or {}).get(FEW) or {}
    facts = {
        'threshold': round(threshold_of(read_stored_config(checkpoint)), 6),
        'start_kept': 'yes' if few.get('kept') == 'start' else '',
    }
    return facts | (_parameters(folder) if folder else {})


def _parameters(folder: Path) -> dict[str, int]:
    """Trained and all parameters of the trainings below a folder, from the newest of their records."""
    newest = sorted(folder.rglob(RUN), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in newest:
        run = read_json(path)
        counts = (run.get('parameters') or {}).get('all') or {}
        if run.get('mode') == 'train' and counts:
            return {'trained_parameters': counts['trained'], 'parameters': counts['total']}
    return {}

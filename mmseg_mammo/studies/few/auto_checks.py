"""Checks of auto: what cannot be tried is refused before a folder is made."""

from collections.abc import Mapping
from pathlib import Path

from mmengine.config import Config

from mmseg_mammo.engine.work_dir import AUTO, FEW, check_for_folds
from mmseg_mammo.errors import MammoError
from mmseg_mammo.studies.few.budget import check_minutes
from mmseg_mammo.studies.few.tuning import check_fits, divide


def home_of(work_dir: Path, name: str) -> Path:
    """The folder of one of the tunings."""
    return work_dir / name.rpartition('/')[2]


def check_auto(
    configs: Mapping[str, Config],
    start: Path,
    data_root: Path,
    work_dir: Path,
    ann_file: str,
    folds: int,
    seed: int,
    minutes: float | None,
) -> None:
    """Refuse what cannot be; see :func:`.tune_auto` for the arguments.

    Raises:
        MammoError: No tuning fits, or one of them does not; there are too few minutes, folds or
            patients; or a folder holds another training.
    """
    if not configs:
        raise MammoError(f'--from {start}: no tuning fits it', remedy='Name a config of few/')
    if folds < 2:
        raise MammoError(
            f'--folds {folds}: few/auto chooses by folds',
            'two or more',
            'For a training without folds name a config of few/ with --folds 0',
        )
    if minutes is not None:
        check_minutes(minutes)
    divide(data_root, ann_file, work_dir, folds, seed)
    for name, cfg in configs.items():
        check_fits(cfg, start, data_root, ann_file)
        check_for_folds(home_of(work_dir, name), FEW, start)
    check_for_folds(work_dir, AUTO, start)

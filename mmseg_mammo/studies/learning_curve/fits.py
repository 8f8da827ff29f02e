"""Fits: how a cell of a learning curve is trained, and which configs can be."""

import copy
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from mmengine.config import Config

from mmseg_mammo.engine.config.checks import datasets_of
from mmseg_mammo.engine.few.start import few_config
from mmseg_mammo.engine.steps.trainings import Train, best_of
from mmseg_mammo.errors import MammoError
from mmseg_mammo.studies.few.fit import fit_few
from mmseg_mammo.studies.few.fold_configs import follows_validation, use_part
from mmseg_mammo.studies.in_turn import name_apart

_VALIDATION = ('val_dataloader', 'val_cfg', 'val_evaluator')


class Data(NamedTuple):
    """Prepared folder, and the index of a part of it whose split ``train`` is learned from."""

    root: Path
    part: Path


class Fit(Protocol):
    """Trains a config on a part of a hospital's images."""

    def __call__(
        self, cfg: Config, start: Path | None, data: Data, work_dir: Path, seed: int
    ) -> Path:
        """Train, or go on with a training that was interrupted.

        Args:
            cfg: A few-config, or the config of a training of its own.
            start: Checkpoint.
            data: What there is to learn from.
            work_dir: Of the training.
            seed: Of the training.

        Returns:
            The checkpoint that is tested.
        """


class PlainFit:
    """The steps of the config, without validation; the last weights count.

    Args:
        train: Trains one config.
    """

    def __init__(self, train: Train) -> None:
        self.train = train

    def __call__(
        self, cfg: Config, start: Path | None, data: Data, work_dir: Path, seed: int
    ) -> Path:
        """See :class:`Fit`."""
        own = cell_config(cfg, start, data)
        name_apart(own, work_dir, seed)
        self.train(own, (work_dir / 'last_checkpoint').is_file())
        return best_of(own)


class FoldFit:
    """Steps, threshold and temperature by folds, or the start where tuning gains nothing.

    Args:
        train: Trains one config.
        folds: Number of folds; of fewer patients as many as there are.
    """

    def __init__(self, train: Train, folds: int) -> None:
        self.train, self.folds = train, folds

    def __call__(
        self, cfg: Config, start: Path | None, data: Data, work_dir: Path, seed: int
    ) -> Path:
        """See :class:`Fit`."""
        if start is None or not cfg.get('tuning'):
            raise MammoError(
                f'--folds {self.folds} with {cfg.filename}, which tunes no checkpoint',
                'configs of few/ and --from CHECKPOINT',
                'Leave --folds out',
            )
        own = copy.deepcopy(cfg)
        name_apart(own, work_dir, seed)
        return fit_few(
            own,
            start,
            data.root,
            work_dir,
            ann_file=str(data.part),
            folds=self.folds,
            seed=seed,
            train=self.train,
        ).checkpoint


def cell_config(cfg: Config, start: Path | None, data: Data) -> Config:
    """The complete config of a plain training on a part.

    Args:
        cfg: See :class:`Fit`; a config that is no few-config begins with weights of its own.
        start: Checkpoint.
        data: See :class:`Fit`.

    Raises:
        MammoError: See :func:`check_config_of_cells`.
    """
    check_config_of_cells(cfg, start)
    if cfg.get('tuning') and start:
        own = few_config(cfg, start, data.root, ann_file=str(data.part))
    else:
        own = copy.deepcopy(cfg)
        use_part(own, data.part, ('train',))
        for _, dataset in _datasets(own):
            dataset.data_root = str(data.root)
    for key in _VALIDATION:  # images that are annotated count, whatever for
        own.pop(key, None)
    saver = (own.get('default_hooks') or {}).get('checkpoint') or {}
    if saver.get('save_best'):
        saver['save_best'] = None
    return own


def check_config_of_cells(cfg: Config, start: Path | None) -> None:
    """Refuse a config that no cell can be trained with.

    Raises:
        MammoError: It has no training, two stages, several data sets, or follows its validation; or
            it needs a start and there is none.
    """
    name = cfg.filename
    if cfg.get('tuning'):
        if start is None:
            raise MammoError(f'{name}: tunes a checkpoint', '--from CHECKPOINT')
        return
    if cfg.get('stages') or not cfg.get('train_dataloader') or not cfg.get('train_cfg'):
        raise MammoError(f'{name}: no training of one stage', 'a config of few/, or of a training')
    if len(_datasets(cfg)) != 1:
        raise MammoError(f'{name} trains on several data sets', 'one data set')
    if follows_validation(cfg):
        raise MammoError(
            f'{name}: its rate or its end follow a validation, of which a learning curve has none',
            'a schedule of its own length, such as few/unet_full or strong/unet_strong_cbis',
        )


def _datasets(cfg: Config) -> list[tuple[str, Any]]:
    """Of the training, each with its place."""
    return [*datasets_of(cfg.train_dataloader, 'train_dataloader')]

"""Fits: how a cell of a learning curve is trained, and which configs can be."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from mmengine.config import Config

from mmseg_mammo.engine.config.checks import datasets_of
from mmseg_mammo.engine.few.start import few_config
from mmseg_mammo.engine.steps.journal import tell
from mmseg_mammo.engine.steps.trainings import Train, best_of
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.index import read_index
from mmseg_mammo.io.shipped import find_config
from mmseg_mammo.studies.few.auto import tune_auto
from mmseg_mammo.studies.few.budget import check_minutes
from mmseg_mammo.studies.few.fit import fit_few
from mmseg_mammo.studies.few.fold_configs import check_tuned, follows_validation, use_part
from mmseg_mammo.studies.in_turn import name_apart

TUNINGS = 'tunings'  # key of the config of few/auto
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

    def check(self, cfg: Config, start: Path | None, patients: int) -> None:
        """Refuse what cannot be trained so.

        Args:
            cfg: See :meth:`__call__`.
            start: Likewise.
            patients: That there are to learn from.

        Raises:
            MammoError: It cannot.
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
        self.check(cfg, start, 1)
        own = cell_config(cfg, start, data)
        name_apart(own, work_dir, seed)
        self.train(own, (work_dir / 'last_checkpoint').is_file())
        return best_of(own)

    def check(self, cfg: Config, start: Path | None, patients: int) -> None:
        """See :class:`Fit`."""
        if cfg.get(TUNINGS):
            raise MammoError(
                f'{cfg.filename}: folds choose among its tunings, and there are none', '--folds 5'
            )


class FoldFit:
    """Steps, threshold and temperature by folds, or the start where tuning gains nothing.

    Of ``few/auto`` the tuning, too. One patient, whom no fold can leave out, is a :class:`PlainFit`.

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
        patients = len({row.patient_id for row in read_index(data.part)})
        self.check(cfg, start, patients)
        if patients < 2:
            tell(
                f"{work_dir}: one patient, no folds: all steps of the config, the start's threshold"
            )
            return PlainFit(self.train)(cfg, start, data, work_dir, seed)
        tunings = copy.deepcopy(members_of(cfg))
        for own in tunings.values():
            name_apart(own, work_dir, seed)
        shared: dict[str, Any] = {
            'start': start,
            'data_root': data.root,
            'work_dir': work_dir,
            'ann_file': str(data.part),
            'folds': self.folds,
            'seed': seed,
            'train': self.train,
        }
        if cfg.get(TUNINGS):
            return tune_auto(tunings, minutes=cfg.minutes, **shared).fitted.checkpoint
        (only,) = tunings.values()
        return fit_few(only, **shared).checkpoint

    def check(self, cfg: Config, start: Path | None, patients: int) -> None:
        """See :class:`Fit`."""
        if start is None or not (cfg.get('tuning') or cfg.get(TUNINGS)):
            raise MammoError(
                f'--folds {self.folds} with {cfg.filename}, which tunes no checkpoint',
                'configs of few/ and --from CHECKPOINT',
                'Leave --folds out',
            )
        if cfg.get(TUNINGS) and patients < 2:
            raise MammoError(
                f'{cfg.filename}: a count has one patient alone, whom no fold can leave out',
                'counts of two patients or more',
                'Leave the smallest of --counts out',
            )
        for own in members_of(cfg).values():
            check_tuned(own)


def auto_config(tunings: Mapping[str, Config], minutes: float) -> Config:
    """Several few-configs in the place of one: folds choose among them in each cell.

    Args:
        tunings: By the names of shipped configs, in the order in which they are tried.
        minutes: Budget of a cell.
    """
    check_minutes(minutes)
    settings = {TUNINGS: {name: cfg.to_dict() for name, cfg in tunings.items()}, 'minutes': minutes}
    return Config(settings, cfg_text='# auto\n', filename='few/auto')


def members_of(cfg: Config) -> dict[str, Config]:
    """The configs of :func:`auto_config` by their names; any other one alone."""
    if not cfg.get(TUNINGS):
        return {str(cfg.filename): cfg}
    return {
        name: Config(copy.deepcopy(dict(own)), cfg_text='#\n', filename=str(find_config(name)))
        for name, own in cfg[TUNINGS].items()
    }


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
    if cfg.get('tuning') or cfg.get(TUNINGS):
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

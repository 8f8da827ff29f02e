"""A learning-curve study: its settings, its cells, and the images of each."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_mammo.engine.config.stored import plain_settings
from mmseg_mammo.engine.provenance import config_hash
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.files import read_json, sha256, write_json
from mmseg_mammo.io.index import INDEX_NAME, Row, read_index
from mmseg_mammo.io.tables.learning_curve import STUDY
from mmseg_mammo.studies.few.parts import make_folds, write_part
from mmseg_mammo.studies.learning_curve.cells import Cell, plan_cells, read_counts
from mmseg_mammo.studies.learning_curve.fits import check_config_of_cells
from mmseg_mammo.studies.learning_curve.subsets import (
    Subset,
    nested_subset,
    pool_size,
    with_masks,
)

PARTS = 'parts'  # folder
_FOLDS_SEED = 0


@dataclass(frozen=True)
class Study:
    """What a learning curve is asked for.

    Attributes:
        folder: Of the study.
        data_root: Prepared folder.
        start: Checkpoint that the configs tune; None if all begin with weights of their own.
        configs: By label.
        counts: As typed.
        seeds: Number of seeds.
        unit: Of the counts: ``images`` or ``patients``.
        test_folds: Folds that take turns as test images; 0: the split ``test`` is tested.
        mode: What a cell's fit does, as the settings of the study say it: ``folds=5``.
        device: See ``--device``.
        keep_weights: Whether the weights of all cells are kept, not those of ``all`` images alone.
    """

    folder: Path
    data_root: Path
    start: Path | None
    configs: Mapping[str, Config]
    counts: Sequence[str]
    seeds: int = 3
    unit: str = 'images'
    test_folds: int = 0
    mode: str = 'folds=0'
    device: str | None = None
    keep_weights: bool = False

    @cached_property
    def rows(self) -> list[Row]:
        """The annotated images that the study is about: of both splits, or with test folds of all."""
        splits = ('train', 'test') if not self.test_folds else ('train', 'val', 'test')
        return with_masks([r for r in read_index(self.data_root / INDEX_NAME) if r.split in splits])

    @cached_property
    def folds(self) -> dict[str, int]:
        """Test fold by image; the same for every config and seed."""
        return make_folds(self.rows, self.test_folds, _FOLDS_SEED) if self.test_folds else {}

    def pool(self, fold: int | None) -> list[Row]:
        """The images that a training may learn from."""
        if fold is None:
            return [row for row in self.rows if row.split == 'train']
        return [row for row in self.rows if self.folds[row.image] != fold]

    def cells(self) -> list[Cell]:
        """All that are asked for.

        Raises:
            MammoError: There is nothing to train on, to test on, or to start from.
        """
        numbers = range(1, self.test_folds + 1)
        pools = [self.pool(fold) for fold in numbers] if self.test_folds else [self.pool(None)]
        tested = self.rows if self.test_folds else [r for r in self.rows if r.split == 'test']
        for rows, what in (*((pool, 'train') for pool in pools), (tested, 'test')):
            if not any(row.annotated == 'lesion' for row in rows):
                raise MammoError(
                    f'{self.data_root}: no outlined lesion in split {what}',
                    'images to learn from in train, and to test on in test',
                    'Prepare with --test-fraction 0.3 --val-fraction 0, or use --test-folds 5',
                )
        pool = min(pool_size(rows, self.unit) for rows in pools)
        counts = read_counts(self.counts, pool, self.unit)
        if '0' in counts and self.start is None:
            raise MammoError('--counts 0: the checkpoint before tuning', '--from CHECKPOINT')
        if counts == ['0'] and self.configs:
            raise MammoError('--counts 0 alone: nothing is trained', '5 10 20 all, or others')
        return plan_cells(tuple(self.configs), counts, self.seeds, self.test_folds)

    def subset(self, cell: Cell) -> Subset:
        """The images of a cell; none for the start."""
        if cell.seed is None:
            return Subset(())
        return nested_subset(self.pool(cell.fold), cell.count, cell.seed, self.unit)

    def begin(self) -> None:
        """Claim the folder, or go on with what it holds; a study that is refused writes nothing.

        Raises:
            MammoError: It holds a study of other data, another start, other counting, or a config
                that was another then; or a config cannot be trained.
        """
        for cfg in self.configs.values():
            check_config_of_cells(cfg, self.start)
        asked = {
            'data': sha256(self.data_root / INDEX_NAME),
            'start': sha256(self.start) if self.start else None,
            'unit': self.unit,
            'test_folds': self.test_folds,
            'fit': self.mode,
        }
        configs = {label: config_hash(cfg) for label, cfg in self.configs.items()}
        settings = {label: _plain(cfg) for label, cfg in self.configs.items()}
        path = self.folder / STUDY
        known = read_json(path) if path.is_file() else {}
        if not known and self.folder.is_dir() and any(self.folder.iterdir()):
            raise MammoError(
                f'{self.folder} holds something else than a learning curve',
                'a new or empty folder, or that of a study',
                'Name another --work-dir',
            )
        for name, value in asked.items():
            if known and known.get(name) != value:
                raise _begun_otherwise(self.folder, name, known.get(name), value)
        before, told = known.get('configs') or {}, known.get('settings') or {}
        for label, value in configs.items():
            if before.get(label, value) != value and (self.folder / label).is_dir():
                raise _changed(self.folder, label, told.get(label), settings[label])
        all_of = {'configs': {**before, **configs}, 'settings': {**told, **settings}}
        write_json(path, {**asked, **all_of})

    def part(self, cell: Cell) -> tuple[Path, Path | None]:
        """Indices of the images that a cell learns from, and of those of its test fold.

        Returns:
            The first; and the second, None with a test split. The start has the second alone, of all
            images with test folds.
        """
        parts = self.folder / PARTS
        tested = None
        if self.test_folds:
            name = f'test_fold_{cell.fold}.csv' if cell.fold else 'test_all.csv'
            images = [i for i, fold in self.folds.items() if cell.fold in (None, fold)]
            tested = write_part(self.data_root, parts / name, dict.fromkeys(images, 'test'))
        if cell.is_start:
            return parts, tested
        splits = dict.fromkeys(self.subset(cell).images, 'train')
        return write_part(self.data_root, parts / cell.part, splits), tested


def _plain(cfg: Config) -> Any:
    """The settings of a config as JSON gives them back."""
    return json.loads(json.dumps(plain_settings(cfg), default=str))


def _changed(folder: Path, label: str, before: Any, now: Any) -> MammoError:
    changes = [*_changes('', before, now)] if before else ['other settings, by an earlier version']
    more = f'; and {len(changes) - 5} more' if len(changes) > 5 else ''
    return MammoError(
        f'{folder} was begun with another config {label}: {"; ".join(changes[:5])}{more}',
        'the config and --cfg-options that its cells were trained with',
        'For another study name another --work-dir; a config of another name is added',
    )


def _changes(path: str, before: Any, now: Any) -> Iterator[str]:
    """Phrases such as ``train_cfg.max_iters is 99, was 300``, of settings as plain data."""
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        before, now = ({str(n): each for n, each in enumerate(side)} for side in (before, now))
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted({*before, *now}):
            yield from _changes(f'{path}.{key}'.lstrip('.'), before.get(key), now.get(key))
    elif before != now:
        said = [text if len(text) <= 80 else f'{text[:79]}…' for text in map(str, (now, before))]
        yield f'{path} is {said[0]}, was {said[1]}'


def _begun_otherwise(folder: Path, name: str, before: Any, now: Any) -> MammoError:
    said = [str(value)[:12] for value in (before, now)]
    return MammoError(
        f'{folder} was begun with another {name}: {said[0]}; asked is {said[1]}',
        'other configs, counts or seeds, which are added',
        'For another study name another --work-dir',
    )

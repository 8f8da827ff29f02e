"""Cross-validation of a tuning: what each fold says of its images at each validated step, and the choice."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.config import Config

from mmseg_mammo.engine.checkpoint import load_model
from mmseg_mammo.engine.devices import choose_device
from mmseg_mammo.engine.few.held_out import has_mask, held_out_rows, step_file
from mmseg_mammo.engine.steps.journal import Journal, tell
from mmseg_mammo.engine.steps.trainings import Train, in_one_process
from mmseg_mammo.engine.work_dir import is_first_process
from mmseg_mammo.evaluation.out_of_fold.choice import choice_fitted, latest_as_good
from mmseg_mammo.evaluation.out_of_fold.held_out import (
    HeldOut,
    Scores,
    cross_fitted,
    read_held_out,
    write_held_out,
)
from mmseg_mammo.inference.calibration.look import predictions
from mmseg_mammo.io.run_folder import BEST
from mmseg_mammo.studies.few.cuts import at_probe, fixed_place, own_place
from mmseg_mammo.studies.few.fold_configs import (
    PARTS,
    fold_config,
    fold_splits,
    keep_last_alone,
    say_no_checkpoints,
    use_part,
)
from mmseg_mammo.studies.few.parts import write_part
from mmseg_mammo.studies.in_turn import name_apart

HELD_OUT = 'held_out'  # folder of what validations said of pixels


@dataclass(frozen=True)
class Division:
    """The images of a tuning, and their folds.

    Attributes:
        data: Prepared folder, and the name of its index.
        folds: Fold of each image, from 1.
        count: Number of folds.
        work_dir: Of the whole tuning.
    """

    data: tuple[Path, str]
    folds: Mapping[str, int]
    count: int
    work_dir: Path

    def part(self, name: str, splits: Mapping[str, str]) -> Path:
        """The index of some of the images."""
        return write_part(self.data[0], self.work_dir / PARTS / f'{name}.csv', splits, self.data[1])

    def every(self, split: str) -> Path:
        """The index of all images, as one split."""
        return self.part(f'all_{split}', dict.fromkeys(self.folds, split))


@dataclass(frozen=True)
class Chosen:
    """The number of steps that folds choose, and what is known at it.

    Attributes:
        steps: 0 is the start itself.
        after: The steps of the tuning, kept or not; 0 if none was validated.
        held: What the models of that step say of the images.
        scores: By the number of steps. The best of them has the luck of its images.
        place: Of the cut in :data:`.CUTS`.
        tuned: What tuning comes to: each image after the steps above 0, of all tunings that there
            was a choice among, that the other folds choose.
        as_it_is: The start at its own threshold.
        start: That, or the start where the other folds cut it: the better one, which tuning has to beat.
    """

    steps: int
    after: int
    held: HeldOut
    scores: Mapping[int, Scores]
    place: int
    tuned: Scores
    as_it_is: Scores
    start: Scores


def cross_validate(
    cfg: Config, division: Division, resume: bool, train: Train, journal: Journal
) -> Iterator[int]:
    """Train without each fold, and keep what each validation says of its images.

    Args:
        cfg: Of the training, complete.
        division: Of its images.
        resume: Whether to go on with what the work folders hold.
        train: Trains one config.
        journal: Of the tuning.

    Yields:
        The number of each fold that is finished.
    """
    for fold in range(1, division.count + 1):
        own = tuned_fold(cfg, division, fold)
        step = f'fold_{fold}'
        if journal.facts(step) is None:
            tell(f'{step} of {division.count}: {cfg.filename} to {own.work_dir}')
            train(own, resume and (Path(own.work_dir) / 'last_checkpoint').is_file())
            if is_first_process():
                journal.finish(step, {'steps': validated(division, fold)})
        if is_first_process():
            _remove_checkpoints(Path(own.work_dir))
        yield fold


def tuned_fold(cfg: Config, division: Division, fold: int) -> Config:
    """The config of the training without a fold, which keeps what it says of the fold."""
    splits = fold_splits(division.folds, fold, division.count, inner=False)
    own = fold_config(cfg, fold, division.part(f'fold_{fold}', splits))
    name_apart(own, division.work_dir / f'fold_{fold}')
    folder = str(division.work_dir / HELD_OUT / f'fold_{fold}')
    own.custom_hooks = [*(own.get('custom_hooks') or []), dict(type='HeldOutHook', folder=folder)]
    keep_last_alone(own)
    say_no_checkpoints(own)
    at_probe(own)
    return own


def look_at_start(cfg: Config, start: Path, division: Division, journal: Journal) -> None:
    """Keep what the start says of the images, of which it was trained on none."""
    file = start_file(division)

    def look() -> dict[str, Any]:
        model = load_model(None, start, choose_device(cfg.get('device') or 'auto'))
        at_probe(model.cfg)
        model.test_output = type(model.test_output)(**model.cfg.model.test_output)
        own = copy.deepcopy(cfg)
        use_part(own, division.every('test'), ('test',))
        found = predictions(model, own, ['test'])
        write_held_out(file, held_out_rows(sample for sample in found if has_mask(sample)))
        return {'file': file.name}

    in_one_process('start', journal, look)


def start_file(division: Division) -> Path:
    """What the start says of the images."""
    return division.work_dir / HELD_OUT / 'start.npz'


def validated(division: Division, fold: int) -> list[int]:
    """The steps after which a fold was validated."""
    folder = division.work_dir / HELD_OUT / f'fold_{fold}'
    return sorted(int(file.stem.removeprefix('step_')) for file in folder.glob('step_*.npz'))


def choose_steps(cfg: Config, division: Division) -> Chosen:
    """The number of steps that held-out images choose, one for all folds.

    Args:
        cfg: Of the training.
        division: Of its images; all folds are finished, and the start was looked at.
    """
    return choose(cfg, looked_at(division))


def choose(
    cfg: Config, helds: Mapping[int, HeldOut], rivals: Sequence[Mapping[int, HeldOut]] = ()
) -> Chosen:
    """The number of steps that held-out images choose, one for all folds: :func:`.latest_as_good`.

    Each image is cut where the images of the other folds choose (:meth:`.AtCuts.best`); those of a model whose
    prompts come from the truth are cut where it was. The start is kept, at its own threshold where the
    folds find none that is better, unless tuning is better where the other folds choose the steps, too: the best of several
    steps is better than the start by chance alone.

    Args:
        cfg: Of the training.
        helds: What its models say of the images; see :func:`looked_at`.
        rivals: Likewise, of each of several tunings that this one was chosen among, itself included:
            then the other folds choose the tuning, too.
    """
    place, default = fixed_place(cfg), own_place(cfg)
    scores = {steps: cross_fitted(held, place, default) for steps, held in helds.items()}
    above = [steps for steps in helds if steps] or [0]
    candidates = [[each[steps] for steps in each if steps] for each in rivals or [helds]]
    tuned = choice_fitted([each or [helds[0]] for each in candidates], place, default, helds[0])
    dice = np.stack([scores[steps].dice for steps in above])
    steps = after = above[latest_as_good(dice, scores[0].patients)]
    as_it_is = cross_fitted(helds[0], default)
    start = max(as_it_is, scores[0], key=lambda each: each.mean())
    if min(tuned.mean(), scores[steps].mean()) <= start.mean():
        steps = 0
    own = not steps and start is as_it_is
    cut = default if own else helds[steps].at_cuts.place(place, default)
    return Chosen(steps, after, helds[steps], scores, cut, tuned, as_it_is, start)


def looked_at(division: Division) -> dict[int, HeldOut]:
    """What the models of each step that all folds have reached say of the images; of 0 the start."""
    numbers = range(1, division.count + 1)
    common = set.intersection(*(set(validated(division, fold)) for fold in numbers))
    return {
        steps: read_held_out(files_of(division, steps), division.folds)
        for steps in [0, *sorted(common)]
    }


def files_of(division: Division, steps: int) -> Sequence[Path]:
    """What is known of all images after a number of steps."""
    if steps == 0:
        return [start_file(division)]
    folder = division.work_dir / HELD_OUT
    return [step_file(folder / f'fold_{fold}', steps) for fold in range(1, division.count + 1)]


def _remove_checkpoints(work_dir: Path) -> None:
    """Remove the weights of a fold: what they said of its images is kept."""
    names = ('last_checkpoint', BEST, 'card.md')
    for file in (*work_dir.glob('iter_*.pth'), *(work_dir / name for name in names)):
        file.unlink(missing_ok=True)

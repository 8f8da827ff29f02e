"""Fit of a tuning to few images: steps, threshold and temperature by folds, then all images."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_mammo.engine.steps.journal import tell
from mmseg_mammo.engine.steps.trainings import Train, best_of, in_one_process, train_once
from mmseg_mammo.evaluation.out_of_fold.false_marks import warn_of_false_marks
from mmseg_mammo.io.run_folder import BEST
from mmseg_mammo.studies.few.cross_validation import Chosen, choose_steps, cross_validate
from mmseg_mammo.studies.few.fitted import (
    Fitted,
    describe_fit,
    fitted_of,
    in_words,
    write_fitted,
)
from mmseg_mammo.studies.few.presence import presence_facts, presence_in_words
from mmseg_mammo.studies.few.tuning import Tuning, final_config, open_tuning


def fit_few(
    cfg: Config,
    start: Path,
    data_root: Path,
    work_dir: Path,
    *,
    ann_file: str = 'index.csv',
    folds: int = 5,
    seed: int = 0,
    train: Train,
    new_head: bool = False,
    resume: bool = True,
) -> Fitted:
    """Tune a checkpoint on few images; where folds say that it gains nothing, keep it.

    The annotated images of the splits train and val are divided by patient. The number of steps,
    one for all folds, and threshold and temperature are chosen on held-out images
    (:func:`.choose_steps`). Then all images are trained on for that many steps. Images of the split test
    are never looked at.

    Args:
        cfg: A few-config.
        start: Checkpoint.
        data_root: Prepared folder.
        work_dir: Gets ``best.pth``, and what leads to it.
        ann_file: Index below ``data_root``, or the path of a part (:func:`.write_part`).
        folds: Number of folds; of fewer patients as many as there are.
        seed: Of the folds.
        train: Trains one config, and goes on with it if the second argument says so.
        new_head: Whether the decode head starts at random.
        resume: Whether to go on with what the work folder holds.

    Raises:
        MammoError: The config does not fit the start, there is only one patient, or the work folder
            holds another training.
    """
    tuning = open_tuning(cfg, start, data_root, work_dir, ann_file, folds, seed, new_head, resume)
    for _ in cross_validate(tuning.cfg, tuning.division, resume, train, tuning.journal):
        pass
    return finish(tuning, choose_steps(tuning.cfg, tuning.division), resume, train)


def finish(
    tuning: Tuning,
    chosen: Chosen,
    resume: bool,
    train: Train,
    checkpoint: Path | None = None,
    more: Mapping[str, Any] | None = None,
    step: str = 'written',
) -> Fitted:
    """Train on all images, or keep the start, and write ``best.pth``.

    Args:
        tuning: Whose folds are finished.
        chosen: Of them.
        resume: See :func:`fit_few`.
        train: Trains one config.
        checkpoint: The file; None: ``best.pth`` of the work folder.
        more: Facts for the record of the checkpoint.
        step: Of the journal; a file that was written by a step of that name stays.
    """
    division = tuning.division
    checkpoint = checkpoint or division.work_dir / BEST
    source = tuning.start
    if chosen.steps:
        final = final_config(tuning.cfg, division, chosen.steps)
        train_once('final', final, resume, train, tuning.journal)
        source = best_of(final)
    presence = presence_facts(tuning.cfg)
    facts = {**describe_fit(tuning, chosen), **presence, **(more or {})}

    def write() -> dict[str, Any]:
        return write_fitted(checkpoint, source, chosen, facts)

    in_one_process(step, tuning.journal, write)
    tell(in_words(facts) + presence_in_words(presence))
    if warning := warn_of_false_marks(facts, checkpoint):
        tell(warning)
    if not chosen.steps and tuning.cfg.default_hooks.checkpoint.get('save_trained_only'):
        tell(f'{checkpoint} is the start, whole: nothing was trained that could be sent alone')
    tell(f'Result: {checkpoint}')
    return fitted_of(checkpoint, chosen)

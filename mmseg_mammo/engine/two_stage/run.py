"""Run of both stages: finder, candidates, refiner, choice on validation, one checkpoint."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_mammo.engine.checkpoint import build_model
from mmseg_mammo.engine.config.edits import use_mixed_precision
from mmseg_mammo.engine.config.loading import CacheChoice
from mmseg_mammo.engine.steps.journal import ASKED, Journal, tell
from mmseg_mammo.engine.steps.trainings import Train, best_of, in_one_process, train_once
from mmseg_mammo.engine.training_record.reference import fill_reference
from mmseg_mammo.engine.two_stage.choice import OF_CANDIDATES, check_choice, choose
from mmseg_mammo.engine.two_stage.joined import (
    build_joined,
    joined_config,
    write_joined,
)
from mmseg_mammo.engine.two_stage.mining import mine
from mmseg_mammo.engine.two_stage.stages import (
    FINDER,
    REFINER,
    check_stages,
    stage_config,
    use_candidates,
)
from mmseg_mammo.engine.two_stage.views import check_views
from mmseg_mammo.engine.work_dir import TWO_STAGE as JOURNAL
from mmseg_mammo.engine.work_dir import hold_for_training, is_first_process
from mmseg_mammo.io.run_folder import BEST

CANDIDATES = 'candidates'  # folder of the finder's peaks, and the step that writes it
JOINED = 'joined'


def train_stages(
    cfg: Config, resume: bool, train: Train, amp: bool = False, cache: CacheChoice | None = None
) -> Path:
    """Train finder and refiner, choose on validation, and write ``best.pth`` of both.

    Steps that are finished are left out when it is gone on with; one that was interrupted goes on
    from its last checkpoint, or is done again.

    Args:
        cfg: With ``stages``.
        resume: Whether to go on with what the work folder holds.
        train: Trains one config, and goes on with it if the second argument says so.
        amp: Whether both are trained in mixed precision.
        cache: Of the pixels of the training, by which the finder looks for candidates too.

    Returns:
        The checkpoint.

    Raises:
        MammoError: The stages do not fit each other, or the work folder holds another training.
    """
    check_stages(cfg)
    work_dir = Path(cfg.work_dir)
    finder, refiner = (stage_config(cfg, name) for name in (FINDER, REFINER))
    for stage in finder, refiner:  # as it is trained, also to compare it with one that was
        if amp:
            use_mixed_precision(stage)
        fill_reference(stage)
    use_candidates(refiner, work_dir / CANDIDATES)
    check_views(cfg, finder, refiner)
    joined = joined_config(cfg, finder, refiner)
    asked = check_choice(joined, finder, cfg.stages.get('presence'))
    build_model(joined)  # what does not fit is said before any training
    hold_for_training(work_dir)
    journal = Journal(work_dir, JOURNAL)
    if is_first_process():
        journal.begin(resume, asked)
    train_once(FINDER, finder, resume, train, journal)

    def look() -> dict[str, Any]:
        found = mine(joined, finder, best_of(finder), work_dir / CANDIDATES, cache)
        return {**found, ASKED: {name: asked[name] for name in OF_CANDIDATES}}

    def join() -> dict[str, Any]:
        return {**_join(cfg, {FINDER: finder, REFINER: refiner}), ASKED: asked}

    in_one_process(CANDIDATES, journal, look)
    train_once(REFINER, refiner, resume, train, journal)
    in_one_process(JOINED, journal, join)
    tell(f'Checkpoint of both stages: {work_dir / BEST}')
    return work_dir / BEST


def _join(cfg: Config, stages: Mapping[str, Config]) -> dict[str, Any]:
    """Choose on validation, and write the checkpoint of both."""
    files = {name: best_of(stage) for name, stage in stages.items()}
    model = build_joined(joined_config(cfg, **stages), stages, files)
    choice = choose(model, stages[FINDER], cfg.stages.get('presence'))
    return write_joined(Path(cfg.work_dir) / BEST, model, files, choice)

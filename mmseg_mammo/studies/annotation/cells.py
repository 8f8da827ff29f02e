"""Cells of a simulation with real models: a few-sample training, a test, and a look at the pool."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_mammo.engine.config.checks import check_schedule
from mmseg_mammo.engine.config.stored import read_stored_config
from mmseg_mammo.engine.few.start import few_config
from mmseg_mammo.engine.runner import build_runner
from mmseg_mammo.engine.steps.trainings import best_of
from mmseg_mammo.engine.training_record.reference import fill_reference
from mmseg_mammo.engine.work_dir import claim_for_training, last_checkpoint, unique_start
from mmseg_mammo.evaluation.overlap import dice
from mmseg_mammo.inference.prediction_folder.inputs import find_inputs
from mmseg_mammo.inference.predictor import Predictor
from mmseg_mammo.io.run_folder import IMAGES, TEST_COLUMNS, read_records
from mmseg_mammo.studies.annotation.look import look_at_all
from mmseg_mammo.studies.annotation.seen import Seen
from mmseg_mammo.studies.annotation.simulate import Tools
from mmseg_mammo.studies.closing import end_workers
from mmseg_mammo.studies.few.fold_configs import use_part


def real_tools(few: Config, start: Path, root: Path, device: str = 'auto') -> Tools:
    """What a simulation does with models, on this machine.

    Args:
        few: A few-config, with the options of a user; see :func:`.few_config`.
        start: Checkpoint.
        root: Prepared folder.
        device: On which the pool is looked at.

    Raises:
        MammoError: Config, start and folder do not fit.
    """
    check_schedule(few_config(few, start, root))  # before anything is done

    def fit(part: Path, work_dir: Path, seed: int) -> Path:
        return train_part(few, start, part, work_dir, seed)

    def look(checkpoint: Path, images: Sequence[str], out: Path) -> list[Seen]:
        return look_at_pool(checkpoint, root, images, out, device)

    return Tools(start, fit, run_test, look)


def train_part(few: Config, start: Path, part: Path, work_dir: Path, seed: int) -> Path:
    """Train on a part, or go on with that; the last weights count.

    Args:
        few: A few-config.
        start: Checkpoint that it begins with.
        part: Index; its split ``train`` is trained on.
        work_dir: Of the training.
        seed: Of the training.

    Returns:
        The checkpoint.
    """
    cfg = few_config(few, start, part.parent, ann_file=part.name)
    cfg.work_dir, cfg.launcher = str(work_dir), 'none'
    cfg.randomness = {**cfg.get('randomness', {}), 'seed': seed}
    _name(cfg, f'training of {work_dir.resolve()}')
    cfg.resume = claim_for_training(work_dir, (work_dir / 'last_checkpoint').is_file())
    if cfg.resume:
        cfg.load_from = str(last_checkpoint(work_dir))
    fill_reference(cfg)
    runner = build_runner(cfg, 0)
    try:
        runner.train()
    finally:
        end_workers(runner._train_loop, runner._val_loop)
    return best_of(cfg)


def run_test(checkpoint: Path, part: Path, work_dir: Path) -> list[dict[str, Any]]:
    """Test on a part.

    Args:
        checkpoint: With its config.
        part: Index; its split ``test`` is tested on.
        work_dir: Gets the run folder.

    Returns:
        ``image``, ``patient_id``, ``annotated`` and ``dice`` (0 to 1) of each image.
    """
    cfg = read_stored_config(checkpoint)
    use_part(cfg, part, ('test',))
    cfg.load_from, cfg.resume, cfg.launcher = str(checkpoint), False, 'none'
    cfg.work_dir = str(work_dir)
    _name(cfg, f'test of {work_dir.resolve()}')
    with unique_start(work_dir):
        runner = build_runner(cfg, 0)
    try:
        runner.test()
    finally:
        end_workers(runner._test_loop)
    found = read_records(Path(runner.log_dir) / IMAGES, TEST_COLUMNS)
    scores = dice(found['truth_pixels'], found['predicted_pixels'], found['intersection_pixels'])
    names = ('image', 'patient_id', 'annotated')
    lines = zip(*(found[name].tolist() for name in names), scores.tolist(), strict=True)
    return [dict(zip((*names, 'dice'), line, strict=True)) for line in lines]


def look_at_pool(
    checkpoint: Path, root: Path, images: Sequence[str], out: Path, device: str = 'auto'
) -> list[Seen]:
    """See images of a prepared folder with a model.

    Args:
        checkpoint: The model.
        root: The folder.
        images: Their names in its index.
        out: Folder that keeps what is seen.
        device: See :class:`.Predictor`.

    Returns:
        What is seen of each image, by its name in the index.
    """
    wanted = set(images)
    inputs = [source for source in find_inputs([root], out) if source.image in wanted]
    names = {source.key: source.image for source in inputs}
    seen, _ = look_at_all(Predictor(checkpoint, device=device), inputs, out)
    facts = [{**vars(one), 'key': names[one.key]} for one in seen]
    return [Seen(**each) for each in facts]


def _name(cfg: Config, name: str) -> None:
    """Loggers and visualizers of a process are told apart by name."""
    cfg.experiment_name = name
    if cfg.get('visualizer'):
        cfg.visualizer.name = cfg.work_dir

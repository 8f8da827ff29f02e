"""Cells of a simulation with real models: a few-sample training, a test, and a look at the pool."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_mammo.engine.config.checks import check_schedule
from mmseg_mammo.engine.config.stored import read_stored_config
from mmseg_mammo.engine.few.start import few_config
from mmseg_mammo.engine.steps.trainings import best_of
from mmseg_mammo.evaluation.overlap import dice
from mmseg_mammo.inference.prediction_folder.inputs import find_inputs
from mmseg_mammo.inference.predictor import Predictor
from mmseg_mammo.io.run_folder import IMAGES, TEST_COLUMNS, read_records
from mmseg_mammo.studies.annotation.look import look_at_all
from mmseg_mammo.studies.annotation.seen import Seen
from mmseg_mammo.studies.annotation.simulate import Tools
from mmseg_mammo.studies.few.fold_configs import use_part
from mmseg_mammo.studies.in_turn import name_apart, test_in_turn, train_in_turn


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
    name_apart(cfg, work_dir, seed)
    train_in_turn(cfg, (work_dir / 'last_checkpoint').is_file())
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
    run = test_in_turn(cfg, checkpoint, work_dir)
    found = read_records(run / IMAGES, TEST_COLUMNS)
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

"""Folds: trains a config once without each fold, joins the models, and tests each image by the one that never saw it."""

from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_mammo.engine.checkpoint import build_model
from mmseg_mammo.engine.config.edits import use_mixed_precision
from mmseg_mammo.engine.config.stored import read_stored_config
from mmseg_mammo.engine.steps.journal import ASKED, Journal, tell
from mmseg_mammo.engine.steps.trainings import Train, in_one_process, last_of, train_once
from mmseg_mammo.engine.steps.whole import build_whole, describe_part, describe_whole, write_model
from mmseg_mammo.engine.training_record.reference import fill_reference
from mmseg_mammo.engine.work_dir import FOLDS as JOURNAL
from mmseg_mammo.engine.work_dir import hold_for_training, is_first_process
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.checkpoint_record import FOLDS, read_record
from mmseg_mammo.io.files import sha256
from mmseg_mammo.studies.few.fold_configs import (
    PARTS,
    dataset_of,
    joined_config,
    learned_rows,
    place_of,
    use_part,
    write_folds,
)
from mmseg_mammo.studies.few.parts import make_folds, write_part
from mmseg_mammo.studies.in_turn import test_in_turn

CHECKPOINT = 'folds.pth'


def train_folds(
    cfg: Config, count: int, resume: bool, train: Train, amp: bool = False, seed: int = 0
) -> Path:
    """Train a config without each fold in turn, and write ``folds.pth`` of all models.

    The annotated images of the splits train and val are divided by patient. The last weights of
    each training count. Then each image is tested by the model that never saw its patient; the
    test lies beside the checkpoint.

    Args:
        cfg: Of a training of one stage, with ``work_dir``.
        count: Number of folds.
        resume: Whether to go on with what the work folder holds.
        train: Trains one config.
        amp: Whether in mixed precision.
        seed: Of the folds.

    Returns:
        The checkpoint.

    Raises:
        MammoError: The config cannot be divided, there are fewer patients than folds, or the work
            folder holds another training.
    """
    _check(cfg)
    work_dir = Path(cfg.work_dir)
    data = place_of(dataset_of(cfg))
    rows = learned_rows(dataset_of(cfg))
    folds = make_folds(rows, count, seed)
    joined = joined_config(cfg, folds, count, rows)
    build_model(joined)  # what does not fit is said before any training
    hold_for_training(work_dir)
    journal = Journal(work_dir, JOURNAL)
    asked = {'folds': count, 'seed': seed, 'index': sha256(data[0] / data[1])}
    if is_first_process():
        journal.begin(resume, asked)
        if journal.facts('divided') is None:
            journal.finish('divided', {ASKED: asked, 'images': len(rows)})
    trainings = list(write_folds(cfg, folds, count, data))
    every = write_part(data[0], work_dir / PARTS / 'all.csv', dict.fromkeys(folds, 'test'), data[1])
    for one in trainings:  # as it is trained, also to compare it with one that was
        if amp:
            use_mixed_precision(one)
        fill_reference(one)
    names = [f'fold_{number}' for number in range(1, count + 1)]
    for name, one in zip(names, trainings, strict=True):
        train_once(name, one, resume, train, journal, last_of)
    checkpoint = work_dir / CHECKPOINT

    def join() -> dict[str, Any]:
        return _join(joined, trainings, checkpoint, seed)

    in_one_process('joined', journal, join)
    in_one_process('tested', journal, lambda: _test(checkpoint, every, work_dir))
    tell(f'Checkpoint of {count} folds: {checkpoint}')
    return checkpoint


def _check(cfg: Config) -> None:
    """Refuse what cannot be divided.

    Raises:
        MammoError: Two stages, no training, or no test.
    """
    if cfg.get('stages'):
        raise MammoError(
            f'--folds with {cfg.filename}, which trains two stages',
            'a config of one stage',
            'Train its finder and its refiner with --folds each',
        )
    if cfg.get('load_from') and cfg.get('resume'):
        raise MammoError('--folds beside cfg.resume', '--resume')
    for key in ('train_dataloader', 'train_cfg', 'test_dataloader', 'test_evaluator'):
        if not cfg.get(key):
            raise MammoError(f'--folds: {cfg.filename} has no {key}', 'a training with a test')


def _join(joined: Config, trainings: list[Config], checkpoint: Path, seed: int) -> dict[str, Any]:
    """Write the checkpoint of all folds."""
    files = [last_of(one) for one in trainings]
    parts = {
        f'members.{number}': (one, file)
        for number, (one, file) in enumerate(zip(trainings, files, strict=True))
    }
    model = build_whole(joined, parts)
    _share_equal(model)
    records = {f'fold {number}': read_record(file) or {} for number, file in enumerate(files, 1)}
    told = [
        describe_part(file, record) for file, record in zip(files, records.values(), strict=True)
    ]
    facts = {'count': len(files), 'seed': seed, 'images': len(joined.model.folds), 'parts': told}
    record = {**describe_whole(joined, records, 'fold 1'), 'best_score': {}, FOLDS: facts}
    return write_model(checkpoint, model, record)


def _share_equal(model: Any) -> None:
    """Let what is equal in all members, such as a frozen encoder, be one tensor, and in the file once."""
    first = dict(model.members[0].named_parameters())
    for member in model.members[1:]:
        for name, parameter in member.named_parameters():
            if parameter.equal(first[name]):
                parameter.data = first[name].data


def _test(checkpoint: Path, every: Path, work_dir: Path) -> dict[str, Any]:
    """Test each image of the folds by the model that never saw it."""
    cfg = read_stored_config(checkpoint)
    use_part(cfg, every, ('test',))
    return {'run': test_in_turn(cfg, checkpoint, work_dir).name}

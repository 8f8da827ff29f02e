"""Next images: looks at a pool with a model, chooses, and writes the folder of the choice."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference.prediction_folder.tables import claim_folder
from mmseg_mammo.inference.predictor import Predictor
from mmseg_mammo.io.files import sha256
from mmseg_mammo.io.table import read_records
from mmseg_mammo.preparation.hospital.entry import ROUND
from mmseg_mammo.studies.annotation.choose import Settings, choose
from mmseg_mammo.studies.annotation.folder import write_choice
from mmseg_mammo.studies.annotation.look import look_at_all
from mmseg_mammo.studies.annotation.pool import Pool


@dataclass(frozen=True)
class Outcome:
    """What came out.

    Attributes:
        rows: Of the table, as they were written.
        failed: Images that could not be read, and why.
        before: Whether an earlier run had made the folder, which is then left as it is.
    """

    rows: list[dict[str, str]]
    failed: Mapping[str, str] = field(default_factory=dict)
    before: bool = False


def choose_next(
    predictor: Predictor,
    pool: Pool,
    out: Path,
    settings: Settings,
    *,
    data: Path,
    batch_size: int = 1,
    workers: int = 2,
) -> Outcome:
    """Choose the images to annotate next, and write what an annotator needs.

    A stopped run goes on by the same call. A folder that is complete is never written to again: its
    masks may have been corrected.

    Args:
        predictor: The models.
        pool: The images; none of them is changed.
        out: A new or empty folder, or that of the same choice.
        settings: How to choose.
        data: Where the images are, for the record.
        batch_size: Images that go through the model together.
        workers: Threads that read.

    Raises:
        MammoError: ``out`` is of something else; no image can be read; or see :func:`.clustered`.
    """
    claim_folder(out, _claim(predictor, settings, data, pool), 'a choice', 'annotate-next')
    if (out / ROUND).is_file():
        return Outcome([record.cells for record in read_records(out / ROUND, ())], before=True)
    covered = [source for source, _ in pool.covered] if settings.method == 'clusters' else []
    inputs = [*pool.inputs, *covered]
    seen, failed = look_at_all(predictor, inputs, out, batch_size=batch_size, workers=workers)
    free = {source.key: source for source in pool.inputs}
    candidates = [one for one in seen if one.key in free]
    if not candidates:
        raise MammoError(
            f'{data}: none of {len(free)} images can be read',
            remedy=f'The first reason: {next(iter(failed.values()))}',
        )
    choices = choose(
        candidates,
        settings,
        lambda key: pool.patient_of(free[key]),
        pool.sides,
        [one.features for one in seen if one.key not in free and one.features],
        pool.before,
    )
    write_choice(predictor, pool, choices, out, settings.number)
    rows = [record.cells for record in read_records(out / ROUND, ())]
    return Outcome(rows, failed)


def _claim(predictor: Predictor, settings: Settings, data: Path, pool: Pool) -> dict[str, Any]:
    """What decides which images are chosen, and how their masks are drawn."""
    return {
        **asdict(settings),
        'data': str(data.resolve()),
        'checkpoints': [sha256(file) for file in predictor.checkpoints],
        'output': dict(predictor.output),
        'patient_pattern': pool.pattern,
    }

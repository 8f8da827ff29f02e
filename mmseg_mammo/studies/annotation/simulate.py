"""Simulation of rounds: a method chooses among images whose masks are known, and a model learns from them.

``WORK/METHOD/seed_S/round_R`` holds a cell: ``choice.json``, the index of its images, its training, and
``scores.json``, which says that it is done. A stopped simulation goes on with the same call. Several processes
may fill one folder: the rounds of a method and a seed belong to one of them at a time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.files import read_json, write_json
from mmseg_mammo.io.index import Row
from mmseg_mammo.io.mask import is_image_label
from mmseg_mammo.studies.annotation.choose import Settings, choose
from mmseg_mammo.studies.annotation.seen import Seen
from mmseg_mammo.studies.few.parts import write_part
from mmseg_mammo.studies.holding import hold

SCORES, CHOICE = 'scores.json', 'choice.json'
START = 'start'

Fit = Callable[[Path, Path, int], Path]
Test = Callable[[Path, Path, Path], list[dict[str, Any]]]
Look = Callable[[Path, Sequence[str], Path], list[Seen]]


@dataclass(frozen=True)
class Tools:
    """What a simulation does with models.

    Attributes:
        start: Checkpoint that every training begins with, and that chooses in the first round.
        fit: (index of a part, work folder, seed) -> checkpoint of a training on its split ``train``.
        test: (checkpoint, index of a part, work folder) -> ``image``, ``patient_id``, ``annotated`` and
            ``dice`` (0 to 1) of each image of its split ``test``.
        look: (checkpoint, names of images, folder) -> what the model sees of them; ``key`` is the name.
    """

    start: Path
    fit: Fit
    test: Test
    look: Look


@dataclass(frozen=True)
class Archive:
    """Images whose masks are known.

    Attributes:
        root: Prepared folder.
        pool: Images that may be chosen: splits train and val.
        test: Images of the split test.
        index: Name of the index.
    """

    root: Path
    pool: Sequence[Row]
    test: Sequence[Row]
    index: str = 'index.csv'


def archive_of(root: Path, rows: Sequence[Row], index: str = 'index.csv') -> Archive:
    """Divide the annotated images of a prepared folder into those to choose from and those to test on.

    Args:
        root: The folder.
        rows: Of its index.
        index: Its name.

    Raises:
        MammoError: One of the two is empty, or no lesion is outlined in one.
    """
    known = [row for row in rows if row.annotated != 'no' and not is_image_label(vars(row))]
    pool = [row for row in known if row.split != 'test']
    test = [row for row in known if row.split == 'test']
    for name, of in (('train or val', pool), ('test', test)):
        if not any(row.annotated == 'lesion' for row in of):
            raise MammoError(
                f'{root / index}: no outlined lesion in the split {name}',
                'a prepared folder with annotated images to choose from, and others to test on',
            )
    return Archive(root, pool, test, index)


def simulate(
    archive: Archive,
    method: str,
    seed: int,
    rounds: int,
    settings: Settings,
    tools: Tools,
    out: Path,
) -> bool:
    """Choose, learn and test, round by round; what is done already is not done again.

    Every training begins with the start and sees all images chosen so far. All of them are for training:
    the test set is that of the archive.

    Args:
        archive: The images.
        method: Of choice.
        seed: Of choice and training.
        rounds: How many.
        settings: ``count`` and ``per_patient`` of a round; the rest is set here.
        tools: What is done with models.
        out: Folder of all simulations of one start and one archive.

    Returns:
        False where another process is at these rounds: they are left to it.

    Raises:
        MammoError: The archive has fewer images than the rounds take.
    """
    test_start(archive, tools, out)
    with hold(cell_of(out, method, seed, 1).parent) as held:
        if held:
            now = replace(settings, method=method, random_share=0.0, seed=seed)
            _do_rounds(archive, now, rounds, tools, out)
    return held


def _do_rounds(archive: Archive, settings: Settings, rounds: int, tools: Tools, out: Path) -> None:
    """Do the rounds of a method and a seed."""
    method, seed = settings.method, settings.seed
    images: list[str] = []
    checkpoint = tools.start
    for number in range(1, rounds + 1):
        cell = cell_of(out, method, seed, number)
        if not (cell / CHOICE).is_file():
            now = replace(settings, number=number)
            new = _choose_from(archive, images, now, checkpoint, tools, cell)
            write_json(cell / CHOICE, {'new': new})
        if number > 1:
            _forget(cell_of(out, method, seed, number - 1))
        images += read_json(cell / CHOICE)['new']
        if (cell / SCORES).is_file():
            checkpoint = cell / 'training' / 'best.pth'
            continue
        part = _part(archive, images, cell / 'index.csv')
        checkpoint = tools.fit(part, cell / 'training', seed)
        scores = tools.test(checkpoint, part, cell / 'test')
        facts = {'method': method, 'seed': seed, 'round': number}
        write_json(cell / SCORES, {**facts, **_count(archive, images), 'scores': scores})


def test_start(archive: Archive, tools: Tools, out: Path) -> None:
    """Test the start once, for round 0 of all methods; a process that finds another at it waits.

    Args:
        archive: The images.
        tools: What is done with models.
        out: See :func:`simulate`.
    """
    cell = out / START
    with hold(cell, wait=True):
        if (cell / SCORES).is_file():
            return
        part = _part(archive, [], cell / 'index.csv')
        scores = tools.test(tools.start, part, cell / 'test')
        facts = {'method': START, 'seed': 0, 'round': 0, **_count(archive, [])}
        write_json(cell / SCORES, {**facts, 'scores': scores})


def cell_of(out: Path, method: str, seed: int, number: int) -> Path:
    """The folder of a round."""
    return out / method / f'seed_{seed}' / f'round_{number}'


def _choose_from(
    archive: Archive,
    images: Sequence[str],
    settings: Settings,
    checkpoint: Path,
    tools: Tools,
    cell: Path,
) -> list[str]:
    """Names of the images of the next round."""
    patients = {row.image: row.patient_id for row in archive.pool}
    known = set(images)
    free = [name for name in patients if name not in known]
    if len(free) < settings.count:
        raise MammoError(
            f'round {settings.number} is to take {settings.count} of {len(free)} images that are left',
            f'rounds of --count {settings.count} up to {len(patients)} images in all',
            'Take fewer rounds, or a smaller --count',
        )
    asked = [*free, *images] if settings.method == 'clusters' else free
    seen = tools.look(checkpoint, asked, cell / 'look')
    covered = [one.features for one in seen if one.key in known]
    fresh = [one for one in seen if one.key not in known]
    found = choose(fresh, settings, patients.__getitem__, covered=covered)
    return [choice.seen.key for choice in found]


def _part(archive: Archive, images: Sequence[str], path: Path) -> Path:
    splits = dict.fromkeys((row.image for row in archive.test), 'test')
    return write_part(
        archive.root, path, {**splits, **dict.fromkeys(images, 'train')}, archive.index
    )


def _count(archive: Archive, images: Sequence[str]) -> dict[str, int]:
    chosen = set(images)
    rows = [row for row in archive.pool if row.image in chosen]
    return {
        'images': len(rows),
        'patients': len({row.patient_id for row in rows}),
        'lesions': sum(row.annotated == 'lesion' for row in rows),
    }


def _forget(cell: Path) -> None:
    """Remove the weights of a round that has chosen the next one: of all rounds they would be gigabytes."""
    for path in (cell / 'training').glob('*.pth'):
        path.unlink()

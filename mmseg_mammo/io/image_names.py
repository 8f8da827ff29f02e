"""Image names: tells which image a table of another tool means by a path, a file name or a stem."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.image import image_suffix


@dataclass(frozen=True)
class Matches:
    """What the names of a table mean.

    Attributes:
        names: The name in the table of each image that it has.
        unknown: Names that mean no image.
        loose: Names that mean theirs by the file name alone: the folders differ.
    """

    names: dict[str, str]
    unknown: tuple[str, ...]
    loose: tuple[str, ...]


def match_names(
    names: Collection[str],
    images: Collection[str],
    table: Path,
    remedy: str = 'Write longer paths into column image',
) -> Matches:
    r"""Find the image that each name of a table means.

    A name and an image agree if the shorter of them is the end of the other: ``LCC.png``,
    ``images\P1\LCC.png`` and, as another tool may have had the original, ``P1/LCC.dcm`` and ``LCC``
    all mean ``images/P1/LCC.png``. The name of an image as it is comes before all others. Where
    nothing agrees the file name decides, if only one image and one name have it.

    Args:
        names: Of the table, each once.
        images: Paths, all that the table may mean.
        table: For messages.
        remedy: What to do about names that mean several images.

    Raises:
        DataFileError: A name agrees with several images, or several names with one image.
    """
    ends: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    whole: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for image in dict.fromkeys(images):
        parts = _parts(image)
        whole[parts].append(image)
        for start in range(len(parts)):
            ends[parts[start:]].append(image)
    claims: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        parts = _parts(name)
        tail = next((parts[n:] for n in range(len(parts)) if parts[n:] in ends), ())
        found = ends.get(tail, [])
        if tail != parts and len(found) > 1:  # folders differ, but for images that are the tail
            found = whole.get(tail, [])
        best = _likeliest(name, found)
        if len(best) > 1 and _agree(name, best[0]):
            raise _ambiguous(
                table, name, 'images', best, 'the path, as in column image of index.csv', remedy
            )
        if len(best) == 1:
            claims[best[0]].append(name)
    chosen = {image: _likeliest(image, claimed) for image, claimed in claims.items()}
    for image, best in chosen.items():
        if len(best) > 1 and _agree(image, best[0]):
            raise _ambiguous(table, image, 'names', best, 'one name for an image', remedy)
    kept = {image: best[0] for image, best in chosen.items() if len(best) == 1}
    used = set(kept.values())
    return Matches(
        kept,
        tuple(name for name in names if name not in used),
        tuple(name for image, name in kept.items() if not _agree(name, image)),
    )


def _parts(name: str) -> tuple[str, ...]:
    """Folders and the stem of a path of Windows or another system."""
    *folders, last = [part for part in name.replace('\\', '/').split('/') if part != '.'] or ['']
    return *filter(None, folders), last.removesuffix(image_suffix(last))


def _agree(one: str, other: str) -> bool:
    ours, theirs = _parts(one), _parts(other)
    shared = min(len(ours), len(theirs))
    return ours[-shared:] == theirs[-shared:]


def _likeliest(name: str, others: Sequence[str]) -> list[str]:
    """Those of ``others`` that are most like ``name``; several if they are equally like it."""

    def likeness(other: str) -> tuple[bool, bool, bool]:
        last = [text.replace('\\', '/').rpartition('/')[2] for text in (name, other)]
        return other == name, _agree(name, other), last[0] == last[1]

    most = max(map(likeness, others), default=None)
    return [other for other in others if likeness(other) == most]


def _ambiguous(
    table: Path, name: str, kind: str, found: Sequence[str], allowed: str, remedy: str
) -> DataFileError:
    listed = f'{", ".join(found[:3])}{" …" if len(found) > 3 else ""}'
    return DataFileError(
        f'{table}: {name} may mean each of {len(found)} {kind}: {listed}',
        allowed,
        remedy,
    )

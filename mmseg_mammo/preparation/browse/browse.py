"""Browsing folder: contact sheets of prepared images, a page and a table, the suspicious ones first."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from html import escape
from pathlib import Path

import numpy as np

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.files import write_atomic
from mmseg_mammo.io.image import write_png
from mmseg_mammo.io.mask import is_image_label
from mmseg_mammo.io.table import write_table
from mmseg_mammo.preparation.browse.look import Item, Look, look_at, picture_of
from mmseg_mammo.preparation.browse.suspicions import Suspicion, find_suspicions
from mmseg_mammo.preparation.likeness import Reference
from mmseg_mammo.preparation.progress import show_progress
from mmseg_mammo.visualization.contact_sheet import PICTURE, Tile, draw_sheet

TABLE, PAGE, STEPS = 'browse.csv', 'index.html', 'steps.png'
COLUMNS, ROWS = 6, 4  # of a sheet
_LISTED = 500  # suspicious images in the page
_THREADS = 4
_STYLE = (
    'body{font:15px sans-serif;margin:2em;max-width:100em}img{max-width:100%}td{padding:0 1em 0 0}'
)


def browse(
    items: Sequence[Item],
    out: Path,
    reference: Reference | None = None,
    most: int = 200,
    steps: bool = False,
    against: str = '',
) -> list[tuple[Item, list[Suspicion]]]:
    """Write sheets, ``index.html`` and ``browse.csv`` of prepared images.

    Args:
        items: The images; all are looked at.
        out: New or empty, or of an earlier browsing, which is replaced.
        reference: Training images that they are compared with.
        most: Images on sheets: suspicious ones first, then others spread evenly over the set.
            0 shows all.
        steps: Whether the page shows :data:`STEPS`, which the caller writes.
        against: Name of the checkpoint that ``reference`` is of, for the page.

    Returns:
        Each image with what is suspicious about it, in the order of the table.

    Raises:
        MammoError: ``out`` holds something else.
    """
    claim(out)
    with ThreadPoolExecutor(_THREADS) as pool:
        looks = [*show_progress(pool.map(look_at, items), len(items), 'looking')]
    found = find_suspicions(looks, reference)
    order = sorted(range(len(looks)), key=lambda number: _rank(found[number]))
    pairs = [(looks[number], found[number]) for number in order]
    lines = [_row(*pair) for pair in pairs]
    # First: it marks the folder as one of these, also where the rest is not written any more.
    write_table(out / TABLE, ('image', 'patient_id', 'split', 'suspicions'), lines)
    shown = _choose(pairs, most)
    names = _write_sheets(shown, out)
    write_page(out, pairs, names, len(shown), steps, against)
    return [(look.item, reasons) for look, reasons in pairs]


def claim(out: Path) -> None:
    """Make a folder to browse in, or empty one of an earlier browsing of its sheets.

    Raises:
        MammoError: It holds something else.
    """
    entries = [path.name for path in out.iterdir()] if out.is_dir() else []
    if (out.exists() and not out.is_dir()) or (entries and TABLE not in entries):
        raise MammoError(
            f'{out}: not empty, and not made by mammoseg browse',
            'a new or empty folder, or an earlier one of this command',
            'Name another --out',
        )
    out.mkdir(parents=True, exist_ok=True)
    for path in (*out.glob('sheet_*.png'), out / STEPS):
        path.unlink(missing_ok=True)


def write_page(
    out: Path,
    pairs: Sequence[tuple[Look, list[Suspicion]]],
    sheets: Sequence[str],
    shown: int,
    steps: bool = False,
    against: str = '',
) -> None:
    """Write the page: counts, suspicious images with their reasons, and the sheets.

    Args:
        out: The folder.
        pairs: Images and what is suspicious about them, in order.
        sheets: File names.
        shown: Images on them.
        steps: Whether it shows :data:`STEPS`.
        against: Name of the checkpoint whose training images they were compared with; '' for none.
    """
    odd = [(look, reasons) for look, reasons in pairs if reasons]
    rows = ''.join(
        f'<tr><td>{escape(look.item.row.image)}</td><td>{escape(_text(reasons))}</td></tr>'
        for look, reasons in odd[:_LISTED]
    )
    seen = f'<h2>What the network sees</h2><img src="{STEPS}" alt="Images after each step">'
    compared = f'<p>Compared with the training images of {escape(against)}.</p>'
    pictures = ''.join(f'<p><img src="{name}" alt="{name}"></p>' for name in sheets)
    html = (
        f'<!doctype html><meta charset="utf-8"><title>Browse</title><style>{_STYLE}</style>'
        f'<h1>{len(odd)} of {len(pairs)} images are suspicious</h1>'
        f'<p>Green: mask. Blue: the breast as it was found. {TABLE} has every image; the sheets have '
        f'{shown}, suspicious ones first. A suspicion is a reason to look, and no error.</p>'
        f'{compared * bool(against)}<table>{rows}</table>{seen * steps}'
        f'<h2>Sheets</h2>{pictures}'
    )
    write_atomic(out / PAGE, lambda stream: stream.write(html.encode(errors='backslashreplace')))


def _rank(reasons: Sequence[Suspicion]) -> tuple[float, float]:
    weights = [reason.weight for reason in reasons]
    return -max(weights, default=0), -sum(weights)


def _choose(
    pairs: Sequence[tuple[Look, list[Suspicion]]], most: int
) -> list[tuple[Look, list[Suspicion]]]:
    """The suspicious ones, at most three quarters of ``most``, and others evenly."""
    if not most or len(pairs) <= most:
        return list(pairs)
    odd = sum(bool(reasons) for _, reasons in pairs)
    first = min(odd, max(most - (len(pairs) - odd), 3 * most // 4))
    rest = np.linspace(odd, len(pairs) - 1, most - first).round().astype(int)
    return [*pairs[:first], *(pairs[number] for number in np.unique(rest[rest >= odd]))]


def _write_sheets(shown: Sequence[tuple[Look, list[Suspicion]]], out: Path) -> list[str]:
    names = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for number, start in enumerate(range(0, len(shown), COLUMNS * ROWS), start=1):
            tiles = [*pool.map(_tile, shown[start : start + COLUMNS * ROWS])]
            names.append(f'sheet_{number:03d}.png')
            write_png(out / names[-1], draw_sheet(tiles, COLUMNS))
    return names


def _tile(pair: tuple[Look, list[Suspicion]]) -> Tile:
    look, reasons = pair
    row = look.item.row
    lines = (row.image.removeprefix('images/'), ' '.join(_words(look)))
    warnings = tuple(reason.text for reason in reasons)
    small = picture_of(look.item, PICTURE)
    if small is None:
        return Tile(np.full((PICTURE, PICTURE), 128, np.uint8), lines=lines, warnings=warnings)
    return Tile(small.picture, small.mask, small.breast, lines, warnings)


def _words(look: Look) -> Iterator[str]:
    row = look.item.row
    annotated = {'no': 'not annotated'}.get(row.annotated, row.annotated)
    yield from filter(None, (row.laterality, row.view, row.split, annotated))
    if row.mask and row.mask_kind == 'weak':
        yield '(weak)'
    if is_image_label(vars(row)):
        yield '(no mask)'
    if look.statistics:
        yield f'{look.statistics["height"]:.0f}×{look.statistics["width"]:.0f}'


def _row(look: Look, reasons: Sequence[Suspicion]) -> dict[str, str]:
    row = look.item.row
    return {
        'image': row.image,
        'patient_id': row.patient_id,
        'split': row.split,
        'suspicions': _text(reasons),
    }


def _text(reasons: Sequence[Suspicion]) -> str:
    return '; '.join(reason.text for reason in reasons)

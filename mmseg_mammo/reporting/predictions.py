"""Prediction page: makes one HTML page of a folder of ``mammoseg predict``, from its files only."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.files import read_json, write_atomic
from mmseg_mammo.io.run_folder import OVERLAYS, RUN, VIEWER, picture_names
from mmseg_mammo.io.table import read_table
from mmseg_mammo.reporting.document import Candidate, Case
from mmseg_mammo.reporting.page.cases import NUMBERS, make_candidate
from mmseg_mammo.reporting.page.page import PAGE, render_page
from mmseg_mammo.reporting.sections.predictions import (
    BREAST_COLUMNS,
    BREASTS,
    FAILED,
    IMAGES,
    MOST,
    Line,
    model_name,
    prediction_notes,
    prediction_sections,
)

TITLE = 'Predictions'
_AGAIN = 'Run mammoseg predict again'
_IMAGE_COLUMNS = (
    *('key', 'image', 'patient_id', 'laterality', 'view', 'height', 'width', 'score'),
    *('regions', 'area_pixels', 'area_mm2', 'seconds'),
)
_CANDIDATES = 'candidates.csv'  # of models of two stages
_FAILED_COLUMNS = ('image', 'reason')
_NUMBERS = ('score', 'regions', 'area_pixels', 'area_mm2', 'seconds', 'images', 'presence')
_SHOWN = ('score', 'regions', 'area_pixels', 'area_mm2')  # of each image
_LINKS = (
    *(('overlay', OVERLAYS, '.jpg'), ('mask', 'masks', '.png')),
    *(('probabilities', 'probabilities', '.png'), ('DICOM SEG', 'segmentations', '.dcm')),
)


def write_prediction_page(folder: Path) -> Path:
    """Write ``index.html`` of a folder of predictions.

    The page works from disk without a network. It names patients only as the tables of the
    folder do. Equal files make equal bytes.

    Args:
        folder: With ``run.json``, ``predictions.csv``, ``breasts.csv`` and ``failed.csv``; the
            pictures of ``viewer/`` are shown where they are, at most those of the :data:`MOST`
            images with the highest scores.

    Returns:
        The page.

    Raises:
        DataFileError: A file is missing, damaged, or holds no number where one belongs.
        DataIndexError: A table lacks a column.
    """
    run = read_json(folder / RUN, _AGAIN)
    images = _by_score(_read_lines(folder / IMAGES, _IMAGE_COLUMNS))
    breasts = _by_score(_read_lines(folder / BREASTS, BREAST_COLUMNS))
    failed = _read_lines(folder / FAILED, _FAILED_COLUMNS)
    cases = _find_cases(folder, images, model_name(run), run.get('presence_threshold'))
    sections = prediction_sections(run, images, breasts, failed)
    notes = tuple(prediction_notes(run, images, failed, len(cases)))
    page = render_page(TITLE, sections, cases, notes, truth=False)
    path = folder / PAGE
    # Names that are not Unicode on the disk are told as they are shown.
    data = page.encode(errors='backslashreplace')
    write_atomic(path, lambda stream: stream.write(data))
    return path


def _read_lines(
    path: Path, columns: Sequence[str], numbered: Sequence[str] = _NUMBERS
) -> list[dict[str, Any]]:
    """The lines of a table: numbers as float, None where there is none, else text."""
    lines: list[dict[str, Any]] = []
    for number, cells in enumerate(read_table(path, columns, _AGAIN), start=2):
        try:
            numbers = {name: _number_or_none(cells[name]) for name in numbered if name in cells}
        except ValueError as error:
            raise DataFileError(f'{path}, row {number}: {error}', 'numbers', _AGAIN) from error
        lines.append({**cells, **numbers})
    return lines


def _number_or_none(cell: str) -> float | None:
    value = float(cell or 'nan')
    return value if math.isfinite(value) else None


def _by_score(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The highest score first, those without one last; equal ones by their names."""

    def rank(line: Line) -> tuple[float, str]:
        name = line['key'] if 'key' in line else f'{line["patient_id"]} {line["laterality"]}'
        return (math.inf if line['score'] is None else -line['score']), name

    return sorted(lines, key=rank)


def _find_cases(
    folder: Path, images: Sequence[Line], model: str, limit: float | None
) -> tuple[Case, ...]:
    pictures = _names_in(folder / VIEWER)
    files = {name: _names_in(folder / name) for _, name, _ in _LINKS}
    candidates = _candidates_in(folder / _CANDIDATES, images)
    seen = [line for line in images if picture_names(line['key'])[0] in pictures]
    found = []
    for line in seen[:MOST]:
        key = line['key']
        image, _, predicted = picture_names(key)
        facts = {name: line[name] for name in ('patient_id', 'laterality', 'view', 'image')}
        why = line.get('likeness_why', '')  # no column of folders of an earlier version
        likeness = {'likeness': why.partition(':')[0], 'likeness_why': why} if why else {}
        found.append(
            Case(
                key=key,
                dataset='',
                facts={
                    **facts,
                    'size': f'{line["width"]}×{line["height"]}',
                    **likeness,
                    **_presence_of(line, limit),
                },
                image=folder / VIEWER / image,
                truth=None,
                predictions={model: folder / VIEWER / predicted if predicted in pictures else None},
                scores={model: _scores_of(line)},
                points={},
                files={
                    label: f'{name}/{quote(key + suffix, safe="")}'
                    for label, name, suffix in _LINKS
                    if key + suffix in files[name]
                },
                candidates={} if candidates is None else {model: tuple(candidates.get(key, ()))},
            )
        )
    return tuple(found)


def _candidates_in(path: Path, images: Sequence[Line]) -> dict[str, list[Candidate]] | None:
    """Candidates by the key of the image; None without a table of them."""
    if not path.is_file():
        return None
    sizes = {line['key']: (float(line['height']), float(line['width'])) for line in images}
    found: dict[str, list[Candidate]] = {}
    for line in _read_lines(path, ('key', *NUMBERS), NUMBERS):
        found.setdefault(line['key'], []).append(make_candidate(line, *sizes[line['key']]))
    return found


def _scores_of(line: Line) -> dict[str, float | None]:
    """What images are sorted by; the presence where the model says it."""
    shown = _SHOWN if line.get('presence') is None else (*_SHOWN, 'presence')
    return {name: line[name] for name in shown}


def _presence_of(line: Line, limit: float | None) -> dict[str, str]:
    """What a model with presence says of an image: a fact for the page."""
    if line.get('presence') is None:  # no column of other models
        return {}
    said = f'{line["presence"]:.2g}'
    if line['closed'] != '1':
        return {'presence': said}
    why = 'no prompt' if limit is None else f'presence {said} ≤ {limit:.2g}'
    return {'presence': f'nothing found ({why})'}


def _names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()

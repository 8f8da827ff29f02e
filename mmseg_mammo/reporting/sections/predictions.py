"""Prediction sections: what a folder of ``mammoseg predict`` says, as notes and tables."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmseg_mammo.io.run_folder import DIFFERENCES
from mmseg_mammo.reporting.document import Cell, Section, Table

MOST = 1000  # images, and breasts, on a page: a browser holds the pictures in memory
IMAGES, BREASTS, FAILED = 'predictions.csv', 'breasts.csv', 'failed.csv'
BREAST_COLUMNS = ('patient_id', 'laterality', 'images', 'views', 'score', 'regions', 'files')
Line = Mapping[str, Any]


def prediction_sections(
    run: Line, images: Sequence[Line], breasts: Sequence[Line], failed: Sequence[Line]
) -> tuple[Section, ...]:
    """Summary, every file that failed, and breasts; the last two where there are any.

    Args:
        run: ``run.json`` of the folder.
        images: Lines of ``predictions.csv``, numbers as float, None where there is none.
        breasts: Lines of ``breasts.csv``, in the order in which they are shown.
        failed: Lines of ``failed.csv``; images that were predicted, but not written as DICOM SEG, are
            among them.
    """
    return (
        _summary_section(run, images, failed),
        *((_failed_section(images, failed),) if failed else ()),
        *((_breast_section(breasts),) if breasts else ()),
    )


def prediction_notes(
    run: Line, images: Sequence[Line], failed: Sequence[Line], shown: int
) -> Iterator[str]:
    """What a reader must know before any mark; the beginning of each is its badge.

    Args:
        run: ``run.json`` of the folder.
        images: Lines of ``predictions.csv``.
        failed: Lines of ``failed.csv``.
        shown: Number of images in the viewer.
    """
    yield 'Not a medical device. Nothing here says whether a patient is ill.'
    state = run.get('state')
    if state != 'finished':
        yield f'Not finished: the state of this run is {_as_text(state)}; images may be missing.'
    yield from _failure_notes(images, failed)
    for difference in run.get(DIFFERENCES) or ():
        yield f'Other input than in training: {difference}; expect worse results.'
    yield from _likeness_notes(run.get('counts') or {})
    kinds = run.get('mask_kind')
    yield from _training_notes(kinds if isinstance(kinds, Mapping) else {})
    if run.get('prompts'):
        without = (run.get('counts') or {}).get('without_prompt')
        empty = f' {without:,} images without a prompt are predicted empty.' if without else ''
        yield (
            f'Prompts given: {Path(str(run["prompts"])).name} told the model where to look; the '
            f'marks are those of the two together.{empty}'
        )
    source = run.get('operating_point')
    yield (
        f'Threshold: a pixel is marked where its probability is above {_as_text(run.get("threshold"))}'
        f'{f"; the value is from {source}" if source else ""}.'
    )
    if run.get('temperature') not in (None, 1):
        yield f'Calibrated: probabilities are those at temperature {_as_text(run["temperature"])}.'
    if run.get('breast_only'):
        yield 'Breast only: nothing outside the breast is marked.'
    yield from _closed_notes(run)
    if shown < len(images):
        why = '' if shown == MOST else ' Pictures of the others are not in viewer/.'
        yield (
            f'Images shown: {shown:,} of {len(images):,}, from the highest score down; {IMAGES} '
            f'has all.{why}'
        )


def _closed_notes(run: Line) -> Iterator[str]:
    if run.get('presence_threshold') is not None:
        count = (run.get('counts') or {}).get('closed') or 0
        yield (
            f'Closed: {count:,} images are left empty, since the presence of a lesion in them is not '
            f'above {run["presence_threshold"]:.4g}; what the mask would be is not shown.'
        )


def _likeness_notes(counts: Mapping[str, Any]) -> Iterator[str]:
    unlike, unusual = counts.get('unlike') or 0, counts.get('unusual') or 0
    if unlike or unusual:
        compared = counts.get('compared') or 0
        yield (
            f'Unlike training images: {unlike:,} of {compared:,} images are unlike those that the '
            f'model was trained on, {unusual:,} more are unusual. Of images like those 5 % would be '
            f'either. {IMAGES} says why for each.'
        )


def _failure_notes(images: Sequence[Line], failed: Sequence[Line]) -> Iterator[str]:
    lost = len(_without_prediction(images, failed))
    if lost:
        yield (
            f'Failed: {lost:,} of {len(images) + lost:,} files have no prediction; '
            'the page lists all of them with the reason.'
        )
    if lost < len(failed):
        yield (
            f'No DICOM SEG: {len(failed) - lost:,} images were predicted, but not written as DICOM '
            'SEG; the page lists them with the reason.'
        )


def _training_notes(kinds: Mapping[str, int]) -> Iterator[str]:
    total = sum(kinds.values())
    if kinds.get('phantom'):
        yield (
            f'Trained on phantoms: {kinds["phantom"]:,} of {total:,} training images are '
            'synthetic. What the model marks says nothing about patients.'
        )
    if kinds.get('weak'):
        yield (
            f'Trained on weak masks: the lesions of {kinds["weak"]:,} of {total:,} training '
            'images are boxes, circles or ellipses, and so may the marks be.'
        )


def _summary_section(run: Line, images: Sequence[Line], failed: Sequence[Line]) -> Section:
    times = sorted(line['seconds'] for line in images if line['seconds'] is not None)
    columns = (
        *('images', 'with marks', 'without marks', 'failed', 'seconds an image (median)'),
        *('device', 'flips', 'started'),
    )
    marked = sum(bool(line['regions']) for line in images)
    row = (
        *(len(images), marked, len(images) - marked, len(_without_prediction(images, failed))),
        *(round(times[len(times) // 2], 3) if times else None, _as_text(run.get('device'))),
        *('yes' if run.get('tta') else 'no', _as_text(run.get('started'))),
    )
    versions = _as_text(run.get('versions'))
    items = (
        Table('summary', 'What was predicted', columns, (row,), (f'Versions: {versions}.',)),
        Table(
            'checkpoints',
            'Checkpoints',
            ('checkpoint', 'file', 'SHA-256', 'trained on'),
            tuple(map(_checkpoint_row, _checkpoints(run))),
            ('SHA-256 by its first 12 digits; run.json has all of them.',),
        ),
    )
    text = f'{IMAGES}, lesions.csv, {BREASTS} and {FAILED} beside this page have all results.'
    return Section('summary', 'Summary', (text,), items)


def _failed_section(images: Sequence[Line], failed: Sequence[Line]) -> Section:
    rows = tuple((line['image'], line['reason'] or None) for line in failed)
    table = Table('failed', 'Every file that failed', ('file', 'reason'), rows)
    lost = len(_without_prediction(images, failed))
    warning = f'{lost:,} of {len(images) + lost:,} files have no prediction.'
    return Section('failed', 'Failed files', (), (table,), (warning,) * bool(lost))


def _without_prediction(images: Sequence[Line], failed: Sequence[Line]) -> list[Line]:
    predicted = {line['image'] for line in images}
    return [line for line in failed if line['image'] not in predicted]


def _breast_section(breasts: Sequence[Line]) -> Section:
    columns = ('patient', 'breast', 'images', 'views', 'highest probability', 'regions', 'files')
    rows = tuple(
        tuple(_breast_cell(name, line[name]) for name in BREAST_COLUMNS) for line in breasts[:MOST]
    )
    rest = f'{MOST:,} of {len(breasts):,} breasts, from the highest score down; {BREASTS} has all.'
    notes = (rest,) if len(breasts) > MOST else ()
    title = 'Breasts, by the highest probability in any of their images'
    return Section('breasts', 'Breasts', (), (Table('breasts', title, columns, rows, notes),))


def _breast_cell(name: str, value: str | float | None) -> Cell:
    if isinstance(value, float):
        return round(value, 4) if name == 'score' else int(value)
    return value or None


def _checkpoints(run: Line) -> list[Line]:
    return [each for each in run.get('checkpoints') or () if isinstance(each, Mapping)]


def _checkpoint_row(checkpoint: Line) -> tuple[Cell, ...]:
    file, digest = Path(str(checkpoint.get('file'))).name, str(checkpoint.get('sha256'))[:12]
    return _checkpoint_name(checkpoint), file, digest, _as_text(checkpoint.get('trained_on'))


def model_name(run: Line) -> str:
    """What the predictions of a ``run.json`` are called on the page."""
    names = [_checkpoint_name(checkpoint) for checkpoint in _checkpoints(run)]
    return names[0] if len(names) == 1 else f'mean of {len(names)} checkpoints'


def _checkpoint_name(checkpoint: Line) -> str:
    return str(checkpoint.get('name') or Path(str(checkpoint.get('file'))).stem)


def _as_text(value: Any) -> str:
    """A value of ``run.json`` in words."""
    if value is None or value == '':
        return 'not known'
    if isinstance(value, float):
        return f'{value:.4g}'
    if isinstance(value, Mapping):
        return ', '.join(f'{name} {_as_text(item)}' for name, item in value.items())
    return ', '.join(map(_as_text, value)) if isinstance(value, list) else str(value)

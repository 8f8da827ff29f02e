"""The table that a test prints, with what a reader must know to trust it."""

import math
from collections.abc import Sequence

_NOTES = {
    'weak': 'masks are weak (boxes, circles or ellipses), not contours drawn by a reader',
    'phantom': 'images and masks are synthetic phantoms; nothing here is about patients',
}


def format_table(
    scores: dict[str, float], records: Sequence[dict], eval_size: tuple[int, int] | None
) -> str:
    """Lay out the scalars of :func:`mmseg_mammo.evaluation.overlap.summarise` as text.

    Args:
        scores: The scalars.
        records: One dict per image, of which ``source``, ``split`` and ``mask_kind`` are named;
            a ``mask_kind`` other than ``contour`` is noted.
        eval_size: Grid of the comparison, None for that of the original masks.
    """
    tested = (f'{title} {_values(records, title)}' for title in ('source', 'split'))
    lines = [', '.join(tested), f'{"":<16}{"images":>8}{"IoU %":>9}{"Dice %":>9}']
    for title, prefix in (('all', ''), ('lesion', 'lesion_'), ('normal', 'normal_')):
        count = scores[f'{prefix}images']
        lines.append(_line(title, count, scores[f'{prefix}iou'], scores[f'{prefix}dice']))
    nothing = (scores['predict_nothing_iou'], scores['predict_nothing_dice'])
    lines.append(_line('predict nothing', scores['images'], *nothing))
    lines.append(
        f'specificity {_number(scores["specificity"])} % (normal images with an empty '
        f'prediction); image-level AUROC {_number(scores["auroc"], 3)}'
    )
    if 'lesion_surface_dice' in scores:
        lines.append(_lesion_level(scores))
    grid = f'{eval_size[0]}×{eval_size[1]}' if eval_size else 'the prepared masks'
    lines.append(f'means over images; grid: {grid}')
    kinds = _values(records, 'mask_kind').split('+')
    lines += [f'NOTE: {_NOTES[kind]}' for kind in kinds if kind in _NOTES]
    return '\n'.join(lines)


def _lesion_level(scores: dict[str, float]) -> str:
    found = ' and '.join(
        f'{_number(scores[f"lesion_sensitivity_{name}"])} % {how}'
        for name, how in (('iou10', 'at IoU 0.1'), ('centre', 'by centre'))
    )
    return (
        f'lesions found: {found}; false positives per image '
        f'{_number(scores["false_positives_per_image"])}; on images with lesion Hausdorff 95 % '
        f'{_number(scores["lesion_hausdorff95"], 1)} px, surface Dice '
        f'{_number(scores["lesion_surface_dice"])} %'
    )


def _values(records: Sequence[dict], column: str) -> str:
    return '+'.join(sorted({record[column] or 'unknown' for record in records}))


def _line(title: str, count: float, iou: float, dice: float) -> str:
    return f'{title:<16}{count:>8.0f}{_number(iou):>9}{_number(dice):>9}'


def _number(value: float, digits: int = 2) -> str:
    return '–' if math.isnan(value) else f'{value:.{digits}f}'

"""Text table that a test prints: the scores, and what limits their meaning."""

import math
from collections.abc import Sequence

from mmseg_mammo.evaluation.candidates import candidate_count, is_unprompted
from mmseg_mammo.io.mask import is_image_label

_NOTES = {
    'weak': 'masks are weak (boxes, circles or ellipses), not contours drawn by a reader',
    'phantom': 'images and masks are synthetic phantoms; nothing here is about patients',
}
_STRATA = (('all', ''), ('lesion', 'lesion_'), ('normal', 'normal_'))
_TRUE_PROMPTS = (
    'prompts were drawn from the true masks; these numbers do not compare with those of models '
    'without prompts'
)


def format_table(
    scores: dict[str, float], records: Sequence[dict], eval_size: tuple[int, int] | None
) -> str:
    """Lay out the scalars of :func:`mmseg_mammo.evaluation.overlap.summarise` as text.

    Args:
        scores: The scalars, with those of :func:`.summarise_candidates` if there are any.
        records: One dict per image, of which ``source``, ``split`` and ``mask_kind`` are named,
            and with ``eval_size`` ``prediction_from``;
            a ``mask_kind`` other than ``contour`` is noted, and so are ``prompts_from='truth'``
            and images for which no prompt was given.
        eval_size: Grid of the comparison, None for that of the original masks.
    """
    tested = (f'{title} {_values(records, title)}' for title in ('source', 'split'))
    lines = [', '.join(tested), f'{"":<16}{"images":>8}{"IoU %":>9}{"Dice %":>9}']
    for title, prefix in _STRATA:
        count = scores[f'{prefix}images']
        lines.append(_line(title, count, scores[f'{prefix}iou'], scores[f'{prefix}dice']))
    nothing = (scores['predict_nothing_iou'], scores['predict_nothing_dice'])
    lines.append(_line('predict nothing', scores['images'], *nothing))
    lines.append(
        f'specificity {_number(scores["specificity"])} % (normal images with an empty '
        f'prediction); image-level AUROC {_number(scores["auroc"], 3)}'
    )
    if 'presence_auroc' in scores:
        lines.append(_presence_line(scores, records))
    if 'lesion_surface_dice' in scores:
        lines.append(_lesion_level(scores))
    if 'lost_not_found' in scores:
        lines.append(_lost_line(scores))
    lines += _candidate_block(scores)
    grid = 'the prepared masks'
    if eval_size:
        ways = _values(records, 'prediction_from')
        grid = f'{eval_size[0]}×{eval_size[1]}, predictions from the grid of the {ways}'
    lines.append(f'means over images; grid: {grid}')
    kinds = _values(records, 'mask_kind').split('+')
    lines += [f'NOTE: {_share(records, kind)}{_NOTES[kind]}' for kind in kinds if kind in _NOTES]
    if count := scores.get('image_label_images', 0.0):
        lines.append(
            f'NOTE: {count:.0f} more images have a lesion that nobody outlined: they count in the '
            'image-level AUROC alone'
        )
    if any(record.get('prompts_from') == 'truth' for record in records):
        lines.append(f'NOTE: {_TRUE_PROMPTS}')
    unprompted = sum(map(is_unprompted, records))
    if unprompted:
        lines.append(f'NOTE: {unprompted} images without a prompt: predicted empty')
    return '\n'.join(lines)


def _share(records: Sequence[dict], kind: str) -> str:
    """``'3 of 5 '`` where only some of the masks are weak; '' where all are, or nobody can tell."""
    kinds = [
        record.get('mask_kind')
        for record in records
        if record.get('annotated', 'lesion') == 'lesion' and not is_image_label(record)
    ]
    found = kinds.count(kind)
    return f'{found} of {len(kinds)} ' if kind == 'weak' and 0 < found < len(kinds) else ''


def _presence_line(scores: dict[str, float], records: Sequence[dict]) -> str:
    return (
        f'presence AUROC {_number(scores["presence_auroc"], 3)}; '
        f'{sum(record["closed"] for record in records)} of {len(records)} images closed; with none '
        f'closed lesion Dice {_number(scores["ungated_lesion_dice"])} %, specificity '
        f'{_number(scores["ungated_specificity"])} %'
    )


def _lesion_level(scores: dict[str, float]) -> str:
    found = ' and '.join(
        f'{_number(scores[f"lesion_sensitivity_{name}"])} % {how}'
        for name, how in (('iou10', 'at IoU 0.1'), ('centre', 'by centre'))
    )
    mm = scores['lesion_hausdorff95_mm']
    measured = '' if math.isnan(mm) else f' ({_number(mm)} mm)'
    return (
        f'lesions found: {found}; false positives per image '
        f'{_number(scores["false_positives_per_image"])}; on images with lesion Hausdorff 95 % '
        f'{_number(scores["lesion_hausdorff95"], 1)} px{measured}, surface Dice '
        f'{_number(scores["lesion_surface_dice"])} %'
    )


def _lost_line(scores: dict[str, float]) -> str:
    places = ('not_found', 'ranked_away', 'segmented_badly')
    said = (f'{_number(scores[f"lost_{name}"])} % {name.replace("_", " ")}' for name in places)
    return f'two stages, lesions lost: {", ".join(said)}'


def _candidate_block(scores: dict[str, float]) -> list[str]:
    """Each candidate, the kept mask and the best in hindsight: all images, then with lesion."""
    count = candidate_count(scores)
    if not count:
        return []
    rows = {f'candidate {k}': f'candidate_{k}_' for k in range(count)}
    rows |= {'kept': '', 'best in hindsight': 'hindsight_'}
    lines = [f'{"":<18}{"all IoU %":>11}{"Dice %":>9}{"lesion IoU %":>14}{"Dice %":>9}']
    for title, name in rows.items():
        values = [
            _number(scores[f'{stratum}{name}{score}'])
            for stratum in ('', 'lesion_')
            for score in ('iou', 'dice')
        ]
        lines.append('{:<18}{:>11}{:>9}{:>14}{:>9}'.format(title, *values))
    error, bias, errors, biases = (
        _number(scores[f'{of}_iou_{kind}'])
        for of in ('chosen', 'candidates')
        for kind in ('error', 'bias')
    )
    lines.append(
        f'predicted IoU of the kept candidate: off by {error} points, mean difference {bias}; '
        f'of all candidates: {errors}, {biases}'
    )
    known = ', '.join(
        f'{title} {scores[f"{prefix}calibrated_images"]:.0f} of {scores[f"{prefix}images"]:.0f}'
        for title, prefix in _STRATA
    )
    return [*lines, f'these errors are over the images of one object: {known}']


def _values(records: Sequence[dict], column: str) -> str:
    return '+'.join(sorted({record.get(column) or 'unknown' for record in records}))


def _line(title: str, count: float, iou: float, dice: float) -> str:
    return f'{title:<16}{count:>8.0f}{_number(iou):>9}{_number(dice):>9}'


def _number(value: float, digits: int = 2) -> str:
    return '–' if math.isnan(value) else f'{value:.{digits}f}'

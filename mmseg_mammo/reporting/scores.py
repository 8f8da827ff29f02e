"""Score cells: counts, strata and marks of images, and rounded values for tables."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mmseg_mammo.evaluation.bootstrap import ENOUGH, FEWEST, Estimate
from mmseg_mammo.io.run_folder import COUNTS, GIVEN, IMPORTED, PROMPTED, Records
from mmseg_mammo.reporting.document import Cell
from mmseg_mammo.reporting.run_reader import Test

FEW = f'fewer than {FEWEST} images'
NARROW = f'fewer than {ENOUGH} patients: may be too narrow'
LESION_SIZES = (0.005, 0.02)  # share of the image area
NO_MASK = 'no mask'
SIZE_NAMES = ('small (< 0.5 %)', 'medium (0.5–2 %)', 'large (≥ 2 %)')


def counts(images: Records, grid: str = '') -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixels of truth, prediction and both, of N images; ``grid`` is '' or '_224'."""
    truth, predicted, intersection = (images[f'{name}{grid}'] for name in COUNTS)
    return truth, predicted, intersection


def empty_counts(images: Records, grid: str = '') -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The counts of a model that never marks anything."""
    truth = counts(images, grid)[0]
    return truth, np.zeros_like(truth), np.zeros_like(truth)


def has_lesion(images: Records) -> np.ndarray:
    """N bool: images with a lesion; of one that nobody outlined the pixels are NaN."""
    truth = images['truth_pixels']
    return (truth > 0) | np.isnan(truth)


def strata(images: Records) -> dict[str, np.ndarray]:
    """The three strata that every result is given for, N bool each."""
    lesion = has_lesion(images)
    return {'all': np.ones(len(images), bool), 'lesion': lesion, 'normal': ~lesion}


def size_names(images: Records) -> np.ndarray:
    """Size of what is marked in each image, by its share of the image area; 'no lesion', 'no mask'."""
    share = images['truth_pixels'] / (images['height'] * images['width'])
    names = np.array(SIZE_NAMES)[np.digitize(share, LESION_SIZES)]
    names = np.where(has_lesion(images), names, 'no lesion')
    return np.where(np.isnan(share), NO_MASK, names)


def common_images(tests: Sequence[Test]) -> list[Records]:
    """The records of the images that all of ``tests`` have, in one order."""
    keys = set.intersection(*(set(test.images['key'].tolist()) for test in tests))
    found = []
    for test in tests:
        order = np.argsort(test.images['key'], kind='stable')
        ours = np.array([key in keys for key in test.images['key'][order].tolist()], dtype=bool)
        found.append(test.images.where(order[ours]))
    return found


def number(value: float, digits: int = 2) -> Cell:
    """A cell: rounded, or None for NaN."""
    return None if np.isnan(value) else round(float(value), digits) + 0.0  # never -0.0


def cells(estimate: Estimate, digits: int = 2) -> tuple[Cell, Cell, Cell]:
    """Three cells: the value and the ends of its interval."""
    value, low, high = (
        number(each, digits) for each in (estimate.value, estimate.low, estimate.high)
    )
    return value, low, high


def mark_cells(
    test: Test, *numbers: int | Estimate, beside: Sequence[Test] = (), empty: bool = False
) -> str:
    """The cell of the column *mark*: what to know beside the numbers of a row.

    Args:
        test: The row's.
        numbers: Numbers of images, or lesions, that those of the row are over; and those of its
            numbers that have intervals.
        beside: Other tests that its numbers come from.
        empty: Whether the row is that of predicting nothing, which no prompt helps.
    """
    marks = dict.fromkeys(mark for each in (test, *beside) for mark in each.marks)
    kept = (m for m in marks if not (empty and m in (PROMPTED, GIVEN, IMPORTED)))
    return '; '.join((*kept, *dict.fromkeys(filter(None, map(_lack, numbers)))))


def _lack(number: int | Estimate) -> str:
    """What there are too few of; ''."""
    if isinstance(number, Estimate):
        return NARROW if number.is_narrow else ''
    return FEW if 0 < number < FEWEST else ''


def few_notes(numbers: Mapping[str, int | Estimate]) -> tuple[str, ...]:
    """Sentences for below a figure that name what has few images, or patients; or none.

    Args:
        numbers: Numbers of images, and estimates whose intervals are shown, by their names.
    """
    lacking = {name: _lack(number) for name, number in numbers.items()}
    found = {mark: [n for n, lack in lacking.items() if lack == mark] for mark in (FEW, NARROW)}
    short = {FEW: FEW.capitalize(), NARROW: f'Fewer than {ENOUGH} patients, may be too narrow'}
    return tuple(f'{short[mark]}: {", ".join(names)}.' for mark, names in found.items() if names)


def grid_notes(tests: Sequence[Test]) -> tuple[str, ...]:
    """A sentence for below numbers on the 224 grid: whose were not predicted on that grid."""
    other = []
    for test in tests:
        ways = test.images.columns.get('prediction_from_224')  # older tests have none
        if 'truth_pixels_224' in test.images and (ways is None or (ways != 'network').any()):
            other.append(test.model)
    if not other:
        return ()
    return (
        (
            f'224 grid: predictions of {", ".join(dict.fromkeys(other))} were resized to it from the '
            'grid of the masks, which loses small blobs; others are as their networks gave them.'
        ),
    )


def mark_notes(tests: Sequence[Test]) -> tuple[str, ...]:
    """Sentences below every table and figure of ``tests``."""
    lacking = {
        f'{test.model}: {test.unprompted} of {len(test.images)} images without a prompt: predicted empty.'
        for test in tests
        if test.unprompted
    }
    lacking |= {line for test in tests for line in (*_of_import(test), *_of_masks(test))}
    lacking |= {
        f'{test.dataset}: {test.image_labels} more images have a lesion that nobody outlined; they count '
        'at the image level alone.'
        for test in tests
        if test.image_labels
    }
    return tuple(_sentences({mark for test in tests for mark in test.marks}, sorted(lacking)))


def _of_masks(test: Test) -> Iterator[str]:
    if 'annotated' not in test.images:  # older tests
        return
    pairs = zip(test.images['annotated'], test.images['mask_kind'], strict=True)
    kinds = [kind for annotated, kind in pairs if annotated == 'lesion']
    if 0 < kinds.count('weak') < len(kinds):
        weak = f'{kinds.count("weak")} of {len(kinds)}'
        yield f'{test.dataset}: {weak} masks are weak; Strata has the scores of each kind.'


def _of_import(test: Test) -> Iterator[str]:
    if missing := test.imported.get('missing'):
        yield (
            f'{test.model}: {missing} of {len(test.every_image)} images of {test.dataset} without a mask '
            'file: scored as empty.'
        )
    if test.imported.get('kind') == 'masks':
        yield (
            f'{test.model}: masks without probabilities; its AUROC, FROC and calibration know '
            'marked or not, no more.'
        )


def _sentences(marks: set[str], lacking: Sequence[str]) -> Iterator[str]:
    if 'weak masks' in marks:
        yield 'Weak masks are boxes, circles or ellipses: these numbers do not compare with others.'
    if 'phantom masks' in marks:
        yield 'Phantoms are synthetic: nothing here is about patients.'
    if PROMPTED in marks:
        yield (
            'Prompts from the truth: the model is told where the lesion is; its numbers do not '
            'compare with those of models without prompts.'
        )
    if GIVEN in marks:
        yield (
            'Prompts given: the model was told where to look by a table of prompts; its numbers are those of '
            'the two together.'
        )
    if IMPORTED in marks:
        yield 'Imported masks: made by another system, and scored here by the same code.'
    yield from lacking
    yield 'Not a medical device.'

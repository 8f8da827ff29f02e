"""Models of two stages without a model: samples as they hand them to a metric, and run folders."""

import csv
from collections import Counter

import numpy as np
import torch

from mmseg_mammo.evaluation.two_stage.lost import LOST, NOT_FOUND, RANKED_AWAY, SEGMENTED_BADLY
from mmseg_mammo.io.run_folder import CANDIDATE_COLUMNS
from mmseg_mammo.io.table import write_table


def candidate(x, y, crop, score=0.9, kept=True, finder=0.5, presence=0.8, highest=0.95):
    """A candidate of a sample, in pixels of the prepared image."""
    return {
        'x': x,
        'y': y,
        'finder_score': finder,
        'crop': crop,
        'refiner_presence': presence,
        'refiner_max': highest,
        'score': score,
        'kept': kept,
    }


def stage_sample(probability, truth, candidates, name='a.png', **facts):
    """A sample as a dict: H×W float probabilities and H×W truth, with a list of candidates."""
    return {
        'seg_logits': {'data': probability[None]},
        'pred_sem_seg': {'data': (probability > 0.5).long()[None]},
        'gt_sem_seg': {'data': truth.long()[None]},
        'ori_shape': tuple(truth.shape),
        'candidates': candidates,
        'image': name,
        'mask_kind': 'phantom',
        'source': 's',
        **facts,
    }


def boxes(*each, shape=(64, 48)):
    """H×W float: boxes of (top, left, bottom, right, value) on zeros."""
    grid = torch.zeros(shape)
    for top, left, bottom, right, value in each:
        grid[top:bottom, left:right] = value
    return grid


def four_fates():
    """One image with four lesions: segmented, segmented badly, ranked away, not found.

    Two candidates are kept; a third found its lesion, and was ranked away; a fourth is false.
    """
    truth = boxes((4, 4, 12, 12, 1), (4, 32, 12, 40, 1), (48, 4, 56, 12, 1), (48, 32, 56, 40, 1))
    probability = boxes((5, 4, 12, 12, 0.9), (13, 30, 15, 32, 0.7))
    candidates = [
        candidate(7, 7, (0, 0, 16, 16), 0.9, finder=0.3),
        candidate(36, 8, (28, 0, 44, 16), 0.6, finder=0.4),
        candidate(20, 30, (12, 22, 28, 38), 0.4, kept=False, finder=0.9),
        candidate(8, 50, (0, 44, 16, 60), 0.2, kept=False, finder=0.8),
        candidate(30, 44, (22, 36, 35, 52), 0.1, kept=False, finder=0.1),
    ]
    return stage_sample(probability, truth, candidates)


def add_candidates(folder, count=3, seed=0, side=64):
    """Make the test of a run folder (``runs.make_test``) one of two stages.

    Each image gets ``count`` candidates. That of a lesion has the highest score of the finder in
    half of the images, of both stages in three of four; every fifth lesion has none. What is not
    hit is ``segmented badly`` if its candidate is first after both stages, else ``ranked away``.

    Returns:
        The number of true lesions by what stands in ``lost``.
    """
    generator = np.random.default_rng(seed)
    lesions, images = (_read(folder / f'{name}_test.csv') for name in ('lesions', 'per_image'))
    candidates, counts = [], Counter()
    true = {row['key']: row for row in lesions if row['kind'] == 'true'}
    for number, record in enumerate(images):
        row = true.get(record['key'])
        own = _candidates_of(record, row, number, count, generator, side)
        candidates += own
        record |= dict.fromkeys(LOST.values(), 0)
        if row is None:
            continue
        finding = [one for one in own if one['holds']]
        row['lost'] = NOT_FOUND if not finding else RANKED_AWAY
        if finding and finding[0]['kept']:
            row['lost'] = SEGMENTED_BADLY
        if row['match']:
            row['lost'] = ''
        else:
            record[LOST[row['lost']]] = 1
        counts[row['lost']] += 1
    columns = [name for name in lesions[0] if name != 'lost'] if lesions else []
    write_table(folder / 'candidates_test.csv', CANDIDATE_COLUMNS, candidates)
    write_table(folder / 'lesions_test.csv', [*columns, 'lost'], lesions)
    write_table(folder / 'per_image_test.csv', list(images[0]), images)
    return counts


def _candidates_of(record, row, number, count, generator, side):
    places = generator.integers(8, side - 8, (count, 2)).astype(float)
    scores = -np.sort(-generator.uniform(0.05, 0.95, (2, count)), axis=1)
    finder = scores[1]
    true = -1
    if row and number % 5 != 4:
        true = 0 if number % 4 else 1
        places[true] = float(row['x']), float(row['y'])
        if number % 2:
            finder = np.roll(finder, 1)  # the second is the finder's first
    rows = []
    for place, (x, y) in enumerate(places.tolist()):
        rows.append(
            {
                **{name: record[name] for name in ('key', 'image', 'source', 'patient_id')},
                'number': place + 1,
                'x': x,
                'y': y,
                'left': x - 12,
                'top': y - 12,
                'right': x + 12,
                'bottom': y + 12,
                'finder_score': finder[place],
                'refiner_presence': 0.5,
                'refiner_max': 0.5,
                'score': scores[0, place],
                'kept': int(place == 0),
                'centre_match': 1 if place == true else '',
                'holds': '1' if place == true else '',
            }
        )
    return rows


def _read(path):
    with path.open(newline='', encoding='utf-8') as stream:
        return list(csv.DictReader(stream))

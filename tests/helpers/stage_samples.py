"""Samples of models of two stages as a segmentor hands them to a metric; no model."""

import torch


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

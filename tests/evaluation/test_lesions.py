import numpy as np
import pytest
from monai.metrics import compute_froc_curve_data, compute_froc_score
from monai.metrics.froc import compute_fp_tp_probs_nd
from scipy import ndimage

from mmseg_mammo.evaluation.lesions import (
    compare_lesions,
    false_marks,
    match_by_iou,
    summarise_lesions,
)
from mmseg_mammo.evaluation.regions import longest_diameter
from mmseg_mammo.io.run_folder import LESION_COLUMNS


def painted(*boxes, shape=(60, 80), default=1.0):
    """H×W float: boxes of (top, left, bottom, right[, value]) on zeros."""
    grid = np.zeros(shape)
    for top, left, bottom, right, *value in boxes:
        grid[top:bottom, left:right] = value[0] if value else default
    return grid


def compare(lesions, detections, threshold=0.5, **options):
    probability = painted(*detections)
    truth = painted(*lesions) > 0
    counts, rows = compare_lesions(truth, probability > threshold, probability, **options)
    return counts, [r for r in rows if r['kind'] == 'true'], rows[counts['true_lesions'] :]


def test_hits_and_false_positives_by_hand():
    """One found, one missed; of the detections one shifted, one in vain, one too faint."""
    counts, (found, missed), (shifted, vain, faint) = compare(
        [(10, 10, 20, 20), (40, 40, 50, 50)],
        [(10, 15, 20, 25, 0.9), (30, 60, 35, 70, 0.7), (41, 41, 49, 49, 0.3)],
    )
    assert counts == {
        'true_lesions': 2,
        'predicted_lesions': 2,
        'hits_iou10': 1,
        'hits_centre': 0,  # the centre lies on the column of 19.5, which is rounded to 20
        'false_positives_iou10': 1,
        'false_positives_centre': 2,
    }
    assert shifted['best_iou'] == found['best_iou'] == pytest.approx(50 / 150)
    assert (found['match'], shifted['match'], vain['match']) == (1, 1, '')
    assert (faint['score'], faint['predicted'], faint['match']) == (0.3, 0, 2)
    assert (missed['match'], missed['centre_match'], missed['best_iou']) == (3, 3, 0.64)
    assert [row.get('predicted') for row in (found, shifted, vain)] == [None, 1, 1]


def test_a_lesion_of_one_pixel_that_is_predicted_exactly_is_a_hit():
    """On 300 × 400 pixels, up to two are a speck."""
    grid = {'shape': (300, 400)}
    tiny, crumb = (50, 60, 51, 61), (200, 200, 201, 201)
    truth, marked = (painted(tiny, **grid) > 0, painted(tiny, crumb, **grid))
    counts, rows = compare_lesions(truth, marked > 0.5, marked)
    assert (counts['hits_iou10'], counts['hits_centre']) == (1, 1)
    assert (counts['false_positives_iou10'], counts['false_positives_centre']) == (1, 1)
    assert [row['match'] for row in rows] == [1, 1, '']
    # In images with a larger lesion, or none, a crumb is nothing.
    for lesions in ([(40, 50, 70, 80)], []):
        truth = painted(*lesions, **grid) > 0
        counts, _ = compare_lesions(truth, marked > 0.5, marked)
        assert counts['predicted_lesions'] == 0


def test_a_row_says_where_a_region_is():
    _, (row,), _ = compare([(10, 20, 14, 25)], [])
    assert row['number'] == 1
    assert row['pixels'] == 20
    assert (row['x'], row['y']) == (22, 11.5)
    assert [row[side] for side in ('left', 'top', 'right', 'bottom')] == [20, 10, 25, 14]
    assert set(row) <= set(LESION_COLUMNS)


def test_criteria_are_kept_apart():
    """A point in the middle of a large lesion hits its centre, and covers too little of it."""
    counts, (lesion,), (detection,) = compare([(10, 10, 40, 40)], [(24, 24, 26, 26)])
    assert (counts['hits_iou10'], counts['hits_centre']) == (0, 1)
    assert (counts['false_positives_iou10'], counts['false_positives_centre']) == (1, 0)
    assert (lesion['match'], lesion['centre_hit'], lesion['centre_match']) == ('', 1, 1)
    assert (detection['match'], detection['centre_match']) == ('', 1)


def test_two_detections_on_one_lesion_are_one_hit():
    """At the IoU criterion the less sure one is in vain; at the centre criterion neither is."""
    counts, (lesion,), (sure, unsure) = compare(
        [(10, 10, 20, 30)], [(10, 10, 20, 18, 0.8), (10, 20, 20, 30, 0.9)]
    )
    assert (counts['hits_iou10'], counts['false_positives_iou10']) == (1, 1)
    assert (counts['hits_centre'], counts['false_positives_centre']) == (1, 0)
    assert (sure['match'], unsure['match']) == ('', 1)
    assert lesion['match'] == lesion['centre_match'] == 2


def test_one_detection_over_two_lesions_finds_one():
    counts, lesions, (detection,) = compare(
        [(10, 10, 20, 20), (10, 22, 20, 40)], [(10, 10, 20, 40)]
    )
    assert counts['hits_iou10'] == 1
    assert [row['match'] for row in lesions] == ['', 1]
    assert detection['match'] == 2


def test_a_match_stays_whatever_fainter_detections_there_are():
    rng = np.random.default_rng(0)
    for _ in range(50):
        iou, scores = rng.random((3, 6)), rng.random(6)
        whole = match_by_iou(iou, scores)
        for threshold in scores:
            kept = scores >= threshold
            assert (match_by_iou(iou[:, kept], scores[kept]) == whole[kept]).all()


def test_matches_are_one_to_one_and_never_below_the_criterion():
    iou = np.array([[0.5, 0.6, 0.05], [0.2, 0.15, 0.09]])
    assert match_by_iou(iou, np.array([0.7, 0.9, 0.8])).tolist() == [2, 1, 0]
    assert match_by_iou(iou, np.array([0.7, 0.7, 0.8])).tolist() == [
        2,
        1,
        0,
    ]  # the better of equals
    assert match_by_iou(iou, np.array([0.7, 0.9, 0.8]), least=0.3).tolist() == [0, 1, 0]
    assert match_by_iou(np.zeros((0, 2)), np.ones(2)).tolist() == [0, 0]
    assert match_by_iou(np.zeros((2, 0)), np.ones(0)).tolist() == []


def test_normal_images_have_false_positives_only_and_empty_ones_nothing():
    counts, lesions, detections = compare([], [(3, 3, 9, 9)])
    assert (counts['true_lesions'], counts['false_positives_iou10']) == (0, 1)
    assert lesions == []
    assert (detections[0]['best_iou'], detections[0]['centre_hit']) == (0, 0)
    assert compare([], [])[0] == dict.fromkeys(counts, 0)


def test_detections_give_monais_froc():
    """Its true and false positives by centre, from the same regions over the whole range."""
    rng = np.random.default_rng(3)
    ours = {'false': [], 'true': []}
    theirs = {'false': [], 'true': []}
    for _ in range(12):
        truth = painted((10, 10, 30, 30), (35, 40, 55, 70)) > 0
        noise = ndimage.gaussian_filter(rng.random(truth.shape) + 0.03 * truth, 3)
        probability = (noise - noise.min()) / np.ptp(noise)
        _, rows = compare_lesions(truth, probability > 0.7, probability, floor=0.5)
        found = [row for row in rows if row['kind'] == 'detection']
        scores = np.array([row['score'] for row in found])
        ours['false'] += [row['score'] for row in found if not row['centre_hit']]
        for row in rows[:2]:
            hit = row['centre_match']
            ours['true'].append(found[hit - 1]['score'] if hit else 0)
        places = np.rint([(row['y'], row['x']) for row in found]).astype(int)
        labels = ndimage.label(truth)[0]
        false, true, targets = compute_fp_tp_probs_nd(scores, places, labels)
        assert targets == 2
        theirs['false'] += false.tolist()
        theirs['true'] += true.tolist()
    assert sorted(ours['false']) == sorted(theirs['false'])
    assert ours['true'] == pytest.approx(theirs['true'])
    assert 0 < np.count_nonzero(ours['true']) < 24
    curve = compute_froc_curve_data(np.array(ours['false']), np.array(ours['true']), 24, 12)
    assert 0 < compute_froc_score(*curve) < 1


def record(**values):
    names = ('true_lesions', 'hits_iou10', 'hits_centre', 'false_positives_iou10')
    usual = dict.fromkeys((*names, 'truth_pixels', 'hausdorff95', 'surface_dice'), 0)
    return {**usual, 'hausdorff95_mm': float('nan'), **values}


def test_sensitivity_counts_lesions_and_distances_count_images():
    scores = summarise_lesions(
        [
            record(true_lesions=3, hits_iou10=1, hits_centre=2, false_positives_iou10=4)
            | dict(truth_pixels=9, hausdorff95=100, surface_dice=0),  # of unknown size
            record(true_lesions=1, hits_iou10=1, truth_pixels=9, hausdorff95=4, surface_dice=1)
            | dict(hausdorff95_mm=0.4),
            record(false_positives_iou10=2, hausdorff95=500, hausdorff95_mm=50),
        ]
    )
    assert scores == {
        'lesion_sensitivity_iou10': 50,
        'lesion_sensitivity_centre': 50,
        'false_positives_per_image': 2,
        'lesion_hausdorff95': 52,
        'lesion_hausdorff95_mm': 0.4,
        'lesion_surface_dice': 50,
    }


def test_without_lesions_there_is_no_sensitivity():
    scores = summarise_lesions([record(false_positives_iou10=1)])
    assert scores.pop('false_positives_per_image') == 1
    assert np.isnan(list(scores.values())).all()


def test_sizes_are_in_mm_on_a_grid_of_tall_pixels():
    """A box of 6 × 8 pixels, each of 0.5 × 0.25 mm, and one that is not found."""
    truth = painted((10, 10, 16, 18)) > 0
    marked = painted((30, 30, 32, 34))
    size = (0.5, 0.25)
    _, rows = compare_lesions(truth, marked > 0.5, marked, pixel_size=size)
    assert [row['area_mm2'] for row in rows] == [6 * 8 * 0.125, 2 * 4 * 0.125]
    for row, box in zip(rows, (truth, marked > 0), strict=True):
        assert row['longest_diameter_mm'] == pytest.approx(longest_diameter(box, size), abs=1e-4)


def test_where_the_size_of_a_pixel_is_unknown_no_size_is_given():
    truth = painted((10, 10, 16, 18)) > 0
    _, rows = compare_lesions(truth, truth, truth.astype(float))
    assert not {'area_mm2', 'longest_diameter_mm'} & {name for row in rows for name in row}


@pytest.mark.parametrize('lesions', [0, 1, 3])
def test_false_marks_at_every_threshold_are_those_of_its_mask(lesions):
    """Blobs, some on lesions, and specks; thresholds up to which less than a quarter is marked."""
    rng = np.random.default_rng(lesions)
    for _ in range(5):
        noise = ndimage.gaussian_filter(rng.normal(size=(300, 400)), 6)
        probability = (noise - noise.min()) / np.ptp(noise)
        probability[rng.integers(0, 300, 9), rng.integers(0, 400, 9)] = 0.95
        near = np.argwhere(probability > 0.85)[:: 400 // max(lesions, 1)][:lesions]
        truth = painted(*((r, c, r + 12, c + 12) for r, c in near), shape=(300, 400)) > 0
        thresholds = np.linspace(np.quantile(probability, 0.78), 1, 21)
        expected = [
            compare_lesions(truth, probability > cut, probability)[0]['false_positives_iou10']
            for cut in thresholds
        ]
        assert len(set(expected)) > 5
        assert false_marks(truth, probability, thresholds).tolist() == expected


def test_false_marks_are_counted_until_a_quarter_of_the_background_is_marked():
    probability = painted((0, 0, 10, 10, 0.9), (20, 0, 40, 80, 0.6), (50, 0, 60, 80, 0.3))
    truth = np.zeros((60, 80), bool)
    assert false_marks(truth, probability, np.array([0.2, 0.5, 0.8])).tolist() == [2, 2, 1]

import numpy as np
import pytest
from monai.metrics import compute_froc_curve_data, compute_froc_score

from mmseg_mammo.evaluation.bootstrap import ROUNDS, draws, seed_of
from mmseg_mammo.evaluation.froc import OPERATING_POINTS, froc, sensitivities
from mmseg_mammo.io.run_folder import Records

NAN = np.nan


def lines_of(rows, images=4):
    """Records of images and of lesions: kind, key, number, score, match and centre_match."""
    kinds, keys, numbers, scores, matches, centres = zip(*rows, strict=True)
    columns = {
        'kind': np.array(kinds),
        'key': np.array(keys),
        'number': np.array(numbers, float),
        'score': np.array(scores, float),
        'match': np.array(matches, float),
        'centre_match': np.array(centres, float),
    }
    images = Records({'truth_pixels': np.zeros(images)})
    return images, Records(columns)


@pytest.fixture
def example():
    """Three lesions on four images, and detections of 0.9, 0.7, 0.4, and 0.2.

    By IoU one lesion is hit at 0.9 and one at 0.4; by centre one at 0.7 alone.
    """
    return lines_of(
        [
            ('true', 'a', 1, NAN, 1, 2),
            ('detection', 'a', 1, 0.9, 1, NAN),
            ('detection', 'a', 2, 0.7, NAN, 1),
            ('true', 'b', 1, NAN, 1, NAN),
            ('true', 'b', 2, NAN, NAN, NAN),
            ('detection', 'b', 1, 0.4, 1, NAN),
            ('detection', 'c', 1, 0.2, NAN, NAN),
        ]
    )


def test_froc_by_iou_steps_through_the_scores_by_hand(example):
    rate, found = froc(*example, 'IoU ≥ 0.1')
    # From the lowest threshold: all detections, then without 0.2, 0.4, 0.7, and none.
    assert list(rate) == [0.5, 0.25, 0.25, 0, 0]
    assert found == pytest.approx([2 / 3, 2 / 3, 1 / 3, 1 / 3, 0])


def test_froc_by_centre_steps_through_the_scores_by_hand(example):
    rate, found = froc(*example, 'centre')
    # The same thresholds; the detections of 0.9, 0.4 and 0.2 are in vain.
    assert list(rate) == [0.75, 0.5, 0.25, 0.25, 0]
    assert found == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0, 0])


@pytest.mark.parametrize(
    ('criterion', 'percent'),
    [('IoU ≥ 0.1', [200 / 3] * 6), ('centre', [100 / 3] * 6)],
)
def test_standard_operating_points_by_hand(example, criterion, percent):
    curve = froc(*example, criterion)
    at = [100 * compute_froc_score(*curve, eval_thresholds=(p,)) for p in OPERATING_POINTS]
    assert at[1:] == pytest.approx(percent[1:])
    assert compute_froc_score(*curve) == pytest.approx(np.mean(at) / 100)


def test_the_lowest_detection_counts_also_if_every_lesion_is_found():
    rate, found = froc(
        *lines_of([('true', 'a', 1, NAN, NAN, 1), ('detection', 'a', 1, 0.3, NAN, 1)]), 'centre'
    )
    assert found.max() == 1
    assert rate[found.argmax()] == 0


def test_a_model_that_detects_nothing_finds_nothing():
    rate, found = froc(*lines_of([('true', 'a', 1, NAN, NAN, NAN)]), 'centre')
    assert (rate.max(), found.max()) == (0, 0)


def test_a_data_set_without_lesions_has_no_sensitivity():
    found = froc(*lines_of([('detection', 'a', 1, 0.3, NAN, NAN)]), 'centre')[1]
    assert np.isnan(found).all()


def test_no_interval_below_five_patients_with_lesions(example):
    images = Records(
        {
            'key': np.array(list('abcdefgh')),
            'source': np.full(8, 's'),
            'patient_id': np.array(list('pqrstuvw')),
        }
    )
    found = sensitivities(images, example[1], 'centre', froc(images, example[1], 'centre'))
    assert found[-1].value == pytest.approx(100 / 3)
    assert all(np.isnan((each.low, each.high)).all() for each in found)


def many(images, detections, decimals, seed=0):
    """Records of images with lesion and without, and of detections with scores that may be equal."""
    generator = np.random.default_rng(seed)
    rows = []
    for image in range(images):
        hit = bool(detections) and image % 4 < 2 and generator.random() < 0.7
        if image % 2 == 0:
            rows.append(('true', str(image), 1, NAN, 1 if hit else NAN, 1 if hit else NAN))
        scores = np.round(generator.random(detections), decimals)
        for number, score in enumerate(scores.tolist(), start=1):
            match = 1 if image % 2 == 0 and hit and number == 1 else NAN
            rows.append(('detection', str(image), number, score, match, match))
    _, lesions = lines_of(rows)
    facts = {
        'key': np.array([str(image) for image in range(images)]),
        'source': np.full(images, 'a'),
        'patient_id': np.array([str(image // 3) for image in range(images)]),
    }
    return Records(facts), lesions


def events(images, lesions):
    """Scores of hits and of false positives with the patient of each, and patients of lesions."""
    patients = dict(zip(images['key'], images.patients, strict=True))
    owner = np.array([patients[key] for key in lesions['key']])
    true = lesions['kind'] == 'true'
    hit = ~true & (lesions['match'] == 1)
    false = ~true & ~hit
    scores = lesions['score']
    return (scores[hit], owner[hit]), (scores[false], owner[false]), owner[true]


@pytest.mark.parametrize(
    ('images', 'detections', 'decimals'), [(40, 3, 1), (40, 0, 1), (40, 12, 2), (40, 12, 9)]
)
def test_curve_and_draws_are_to_the_bit_those_of_monai_and_of_whole_curves(
    images, detections, decimals, monkeypatch
):
    monkeypatch.setattr('mmseg_mammo.evaluation.froc._CELLS', 50_000)  # several parts
    table, lesions = many(images, detections, decimals)
    (hits, of_hits), (false, of_false), of_lesions = events(table, lesions)
    curve = froc(table, lesions, 'IoU ≥ 0.1')
    found = np.append(hits, np.zeros(len(of_lesions) - len(hits)))
    wanted = compute_froc_curve_data(np.append(false, 0.0), found, len(of_lesions), images)
    for ours, theirs in zip(curve, wanted, strict=True):
        assert np.array_equal(ours, theirs)
    estimates = sensitivities(table, lesions, 'IoU ≥ 0.1', curve)
    at = [compute_froc_score(*curve, eval_thresholds=(point,)) for point in OPERATING_POINTS]
    assert [e.value for e in estimates[:6]] == [100 * value for value in at]
    names = np.unique(table.patients)
    thresholds = np.unique(np.concatenate([hits, false]))[::-1]
    drawn = draws(len(names), seed_of(names))
    for number in range(0, ROUNDS, 499):
        times = dict(zip(names, drawn[number], strict=True))
        rate, share = (
            [0.0, *(sum(times[p] for p in owner[scores >= t]) / of for t in thresholds)]
            for scores, owner, of in (
                (false, of_false, sum(times[p] for p in table.patients)),
                (hits, of_hits, sum(times[p] for p in of_lesions)),
            )
        )
        expected = [*np.interp(OPERATING_POINTS, rate, share)]
        expected += [np.mean(expected), share[-1]]
        assert [e.rounds[number] for e in estimates] == [100 * value for value in expected]

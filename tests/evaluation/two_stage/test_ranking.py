"""Places in a ranking and the FROC of candidates, by hand."""

import numpy as np

from mmseg_mammo.evaluation.froc import froc
from mmseg_mammo.evaluation.two_stage.ranking import (
    RANKINGS,
    candidate_detections,
    most_candidates,
    places_of_lesions,
)
from mmseg_mammo.io.run_folder import Records

IMAGES = Records({'key': np.array(['a', 'b', 'c', 'd'])})
LESIONS = Records(
    {
        'kind': np.array(['true', 'true', 'detection', 'true', 'true']),
        'key': np.array(['a', 'a', 'a', 'b', 'd']),
        'number': np.array([1.0, 2, 1, 1, 1]),
    }
)
# key, number, score, finder's score, lesion at the peak, lesions that the crop holds
CANDIDATES = [
    ('a', 1, 0.9, 0.2, 1, '1 2'),
    ('a', 2, 0.8, 0.7, 1, '1'),
    ('a', 3, 0.3, 0.6, np.nan, '2'),
    ('b', 1, 0.7, 0.1, np.nan, ''),
    ('b', 2, 0.5, 0.4, 1, '1'),
    ('c', 1, 0.6, 0.5, np.nan, ''),
    ('label', 1, 0.99, 0.99, np.nan, ''),
]


def table(rows=CANDIDATES):
    names = ('key', 'number', 'score', 'finder_score', 'centre_match', 'holds')
    kinds = (str, float, float, float, float, str)
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    return Records(
        {
            name: np.array(values, dtype=kind)
            for name, kind, values in zip(names, kinds, columns, strict=True)
        }
    )


def test_a_lesion_is_found_at_the_place_of_the_first_crop_that_holds_half_of_it():
    assert places_of_lesions(LESIONS, table(), 'score').tolist() == [1, 1, 2, np.inf]
    assert places_of_lesions(LESIONS, table(), 'finder_score').tolist() == [1, 2, 1, np.inf]


def test_a_lesion_at_several_peaks_has_the_score_of_the_surest():
    rows = candidate_detections(IMAGES, LESIONS, table(), 'score')
    true = rows.where(rows['kind'] == 'true')
    assert true['centre_match'].tolist()[:3:2] == [1, 2]
    assert np.isnan(true['centre_match'][[1, 3]]).all()
    other = candidate_detections(IMAGES, LESIONS, table(), 'finder_score')
    assert other['centre_match'][0] == 2


def test_the_curve_counts_peaks_and_each_image_that_counts():
    rate, found = froc(IMAGES, candidate_detections(IMAGES, LESIONS, table(), 'score'), 'centre')
    # Thresholds 0.3, 0.5, 0.6, 0.7, 0.9 and above; hits at 0.9 and 0.5, false at 0.7, 0.6, 0.3.
    assert (4 * rate).tolist() == [3, 2, 2, 1, 0, 0]
    assert (4 * found).tolist() == [2, 2, 1, 1, 1, 0]


def test_without_candidates_nothing_is_found():
    none = table([])
    assert places_of_lesions(LESIONS, none, 'score').tolist() == [np.inf] * 4
    curve = froc(IMAGES, candidate_detections(IMAGES, LESIONS, none, 'score'), 'centre')
    assert [each.tolist() for each in curve] == [[0], [0]]
    assert (most_candidates(none), most_candidates(table())) == (0, 3)
    assert [*RANKINGS.values()] == ['score', 'finder_score']

"""What the viewer is told of each case is what the files and the contract say."""

import base64
import dataclasses

import pytest
from page_samples import HOSTILE, make_cases, save, square

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.reporting.document import Candidate
from mmseg_mammo.reporting.page.viewer import filters, viewer_data


@pytest.fixture
def cases(tmp_path):
    return make_cases(tmp_path, 4)


def test_pictures_scores_and_points_are_those_of_the_case(cases):
    data = viewer_data(cases)
    told = data['cases'][1]
    assert data['models'] == ('U-Net', 'SAM & co')
    assert base64.b64decode(told['image']) == cases[1].image.read_bytes()
    assert (told['width'], told['height']) == (32, 40)
    assert told['truth'] == 'M5 10h8v8h-8z'
    assert told['predictions'] == {'U-Net': 'M6 12h10v10h-10z', 'SAM & co': ''}
    assert told['scores'] == cases[1].scores
    assert told['points'] == {'SAM & co': ((0.5, 0.25, 1), (0.1, 0.1, 0))}


def test_the_data_set_and_the_annotation_are_facts_like_any_other(cases):
    facts = [case['facts'] for case in viewer_data(cases)['cases']]
    assert [fact['annotated'] for fact in facts] == ['normal', 'lesion', 'lesion', 'normal']
    assert facts[0]['dataset'] == 'CBIS'


def test_an_annotation_that_is_given_is_kept(cases):
    given = dataclasses.replace(cases[0], facts={'annotated': 'lesion'})
    assert viewer_data([given])['cases'][0]['facts']['annotated'] == 'lesion'


def test_only_facts_that_tell_cases_apart_become_filters(cases):
    assert filters(viewer_data(cases)['cases']) == [
        ('annotated', ['lesion', 'normal']),
        ('view', ['CC', 'MLO']),
        ('finding', ['', HOSTILE]),
        ('mask_kind', ['contour', 'weak']),
    ]


def test_a_score_that_is_no_number_is_none(cases):
    odd = dataclasses.replace(cases[0], scores={'U-Net': {'dice': float('nan'), 'iou': 0.0}})
    assert viewer_data([odd])['cases'][0]['scores'] == {'U-Net': {'dice': None, 'iou': 0.0}}


def test_candidates_are_told_of_models_that_have_some_stages(cases):
    one = Candidate(0.5, 0.25, (0.3, -0.1, 0.7, 0.4), 0.9, 0.6, kept=True, found=False)
    staged = dataclasses.replace(cases[0], candidates={'U-Net': (one,), 'SAM & co': ()})
    plain, told = viewer_data([cases[1], staged])['cases']
    assert 'candidates' not in plain
    assert told['candidates'] == {
        'U-Net': [
            {
                'x': 0.5,
                'y': 0.25,
                'crop': (0.3, -0.1, 0.7, 0.4),
                'score': 0.9,
                'finder_score': 0.6,
                'kept': True,
                'found': False,
            }
        ],
        'SAM & co': [],
    }


def test_a_mask_of_another_size_is_named_with_both_sizes(cases):
    save(cases[1].truth, square(0, 0, 3)[:20])
    with pytest.raises(DataFileError, match=r'001_truth\.png: a mask of 32×20.*32×40'):
        viewer_data(cases)


def test_a_missing_picture_is_named(cases):
    cases[2].image.unlink()
    with pytest.raises(DataFileError, match=r'002\.jpg'):
        viewer_data(cases)

"""Whether an image is like those that a model was trained on."""

import json

import numpy as np
import pytest
from prepared_sets import half_disc

from mmseg_mammo.preparation.image_statistics import image_statistics, summarise_statistics
from mmseg_mammo.preparation.likeness import FEATURES, features_of, reference_of, to_record


@pytest.fixture(scope='module')
def images():
    rng = np.random.default_rng(0)
    return [(half_disc(rng, i % 2 == 1), ('LEFT', 'RIGHT')[i % 2]) for i in range(260)]


@pytest.fixture(scope='module')
def record(images):
    """As a checkpoint has it, of the first hundred."""
    found = [image_statistics(image) for image, _ in images[:100]]
    features = [features_of(each, side) for each, (_, side) in zip(found, images, strict=False)]
    quantiles = summarise_statistics(found)
    percent = [0, 1, 5, 25, 50, 75, 95, 99, 100]
    whole = {'count': 100, 'percent': percent, 'quantiles': quantiles}
    return json.loads(json.dumps({**whole, 'features': to_record(features)}))


def judge(record, image, side=''):
    return reference_of(record).judge(image_statistics(image), side)


def test_images_of_the_same_kind_are_like_and_the_share_says_how_many_are_as_far_out(
    record, images
):
    found = [judge(record, *each) for each in images[100:]]
    odd = np.mean([each.word != 'like' for each in found])
    assert odd < 0.15  # 5 % but for the chance of a hundred and sixty images
    assert np.mean([each.word == 'unlike' for each in found]) < 0.03
    shares = np.array([each.share for each in found])
    assert 0.3 < np.median(shares) < 0.7
    assert (shares > 0).all()
    assert all(each.why == 'like' for each in found if each.word == 'like')


def test_each_that_is_unlike_is_so_for_its_reason(record, images):
    image, side = images[101]
    cases = {
        'outside is bright': 255 - image,
        'mirrored for its laterality': image[:, ::-1],
        'the image is wide': np.ascontiguousarray(np.rot90(image)),
    }
    for reason, each in cases.items():
        found = judge(record, each, side)
        assert found.word == 'unlike', reason
        assert reason in found.reasons or reason == 'outside is bright'
        assert found.share == pytest.approx(1 / 101)
        assert found.why.startswith('unlike: ')


def test_without_laterality_the_side_says_nothing(record, images):
    image, side = images[102]
    assert judge(record, image[:, ::-1], side).word == 'unlike'
    assert judge(record, image[:, ::-1]).word == 'like'


def test_a_record_of_an_earlier_version_gives_words_and_no_share(record, images):
    old = {key: value for key, value in record.items() if key != 'features'}
    found = [judge(old, *each) for each in images[100:]]
    assert {each.share for each in found} == {None}
    assert np.mean([each.word == 'unlike' for each in found]) < 0.03
    assert judge(old, 255 - images[100][0]).word == 'unlike'


def test_a_black_image_is_unlike(record):
    found = judge(record, np.zeros((160, 120), np.uint8))
    assert found.word == 'unlike'
    assert 'the breast is small' in found.reasons


def test_few_images_or_none_say_nothing(record):
    assert reference_of({}) is None
    assert reference_of({'count': 9, 'percent': [], 'quantiles': {}}) is None
    assert reference_of({**record, 'count': 4}) is None


def test_unknown_numbers_are_left_out(record, images):
    """No laterality in the training set; null is how JSON has them."""
    place = record['features']['names'].index('facing')
    values = [
        [None if i == place else v for i, v in enumerate(row)]
        for row in record['features']['values']
    ]
    blind = {**record, 'features': {**record['features'], 'values': values}}
    image, side = images[103]
    assert judge(blind, image[:, ::-1], side).word == 'like'


def test_the_record_names_no_image_and_has_no_order(images):
    features = [features_of(image_statistics(image), side) for image, side in images[:20]]
    found = to_record(features)
    assert found == to_record(features[::-1])
    assert found['names'] == list(FEATURES)
    assert np.array(found['values']).shape == (20, len(FEATURES))

"""Whether the source of an image tells its label."""

import pytest

from mmseg_mammo.datasets.confounding import (
    confounded_labels,
    count_labels,
    leave_to_masks,
    presence_doubts,
    refuse_confounded,
)
from mmseg_mammo.errors import MammoError


def rows(**counts):
    """Such as ``A_lesion=3``."""
    return [
        dict(zip(('source', 'annotated'), name.split('_'), strict=True))
        for name, count in counts.items()
        for _ in range(count)
    ]


def test_images_are_counted_by_source_and_label():
    found = count_labels(rows(B_normal=2, A_lesion=3, A_normal=1, C_no=4))
    assert found == {'A': {'lesion': 3, 'normal': 1}, 'B': {'normal': 2}}
    assert list(found) == ['A', 'B']


@pytest.mark.parametrize(
    ('images', 'labels'),
    [
        (rows(A_lesion=3, B_normal=3), ['lesion', 'normal']),
        (rows(A_lesion=3, A_normal=3), []),
        (rows(A_lesion=3, A_normal=1, B_normal=9), []),  # lesions are of A, which has normals
        (rows(A_lesion=3, B_lesion=3, C_normal=3), ['lesion', 'normal']),
        (rows(A_lesion=3, B_lesion=1, B_normal=3), []),
        (rows(A_lesion=3), []),
        (rows(A_normal=3, B_normal=2), []),
        ([], []),
    ],
)
def test_a_label_is_confounded_if_no_source_of_it_has_the_other(images, labels):
    assert confounded_labels(count_labels(images)) == labels


def test_the_error_names_the_counts_the_remedies_and_the_switch():
    with pytest.raises(MammoError) as caught:
        refuse_confounded('train', rows(A_lesion=3, B_normal=5))
    said = str(caught.value)
    assert 'A: 3 with a lesion, 0 normal; B: 0 with a lesion, 5 normal' in said
    assert 'train_dataloader' in said
    assert 'mammoseg lesion-free' in said
    assert 'allow_confounded=True' in said
    refuse_confounded('train', rows(A_lesion=3, A_normal=5))


def test_sources_of_one_label_beside_others_are_told():
    assert presence_doubts('train', rows(A_lesion=3, A_normal=5)) == []
    (doubt,) = presence_doubts('train', rows(A_lesion=3, B_lesion=4, B_normal=4))
    assert doubt.startswith("all 3 images of train from 'A' are annotated=lesion")
    (doubt,) = presence_doubts('val', rows(A_normal=3, B_lesion=4, B_normal=4))
    assert doubt.startswith("all 3 images of val from 'A' are annotated=normal")
    (doubt,) = presence_doubts('train', rows(A_lesion=3, B_lesion=4))
    assert doubt.startswith('none of the 7 images of train is normal')
    assert presence_doubts('val', []) == []


@pytest.mark.parametrize(
    ('counts', 'spared'),
    [
        (dict(A_lesion=2, B_lesion=1, B_normal=1), {'A'}),
        (dict(A_lesion=2, B_lesion=1, B_normal=1, C_normal=1), {'A', 'C'}),
        (dict(A_lesion=2, A_normal=1), set()),
        (dict(A_lesion=2), set()),  # no source has both: it is refused, or wanted
        (dict(A_lesion=2, B_normal=1), set()),
    ],
)
def test_sources_of_one_label_train_masks_alone_where_others_have_both(counts, spared):
    items = rows(**counts)
    leave_to_masks(items)
    marked = {item['source'] for item in items if item.get('trains_presence') is False}
    assert marked == spared
    assert all('trains_presence' not in item for item in items if item['source'] not in spared)


def test_images_that_train_the_mask_alone_are_told():
    images = rows(A_lesion=3, B_lesion=4, B_normal=4)
    leave_to_masks(images)
    (doubt,) = presence_doubts('train', images)
    assert 'they train the mask alone' in doubt
    assert 'image label' not in doubt
    (doubt,) = presence_doubts('val', images)
    assert 'train the mask' not in doubt  # a validation trains nothing
    assert 'may tell sources apart' in doubt


def test_image_labels_of_such_a_source_train_nothing():
    images = rows(A_lesion=3, B_lesion=4, B_normal=4)
    images[0]['mask_kind'] = images[3]['mask_kind'] = 'image-label'
    leave_to_masks(images)
    (doubt,) = presence_doubts('train', images)
    assert '1 of them have an image label alone, and train nothing' in doubt
    assert 'image_labels=False' in doubt

"""Reasons why a training cannot succeed, from index rows and settings."""

import pytest

from mmseg_mammo.engine.prospects import (
    data_doubts,
    loop_doubts,
    refuse_image_labels,
    refuse_unannotated,
    refuse_unknown,
)
from mmseg_mammo.errors import MammoError


def row(patient, annotated='lesion', image=None, source='ours'):
    return {
        'annotated': annotated,
        'source': source,
        'patient_id': patient,
        'img_path': f'/data/{image or patient}.png',
    }


def test_a_sound_training_raises_no_doubt():
    assert not data_doubts([row('A'), row('B', 'normal')], [row('C')])
    assert not data_doubts([row('A')], [])  # without validation


@pytest.mark.parametrize(
    ('train', 'val', 'said'),
    [
        ([row('A', 'normal')], [row('B')], 'none of the 1 training images has a lesion'),
        ([row('A')], [row('B', 'normal')], 'none of the 1 validation images has a lesion'),
        ([row('A'), row('B')], [row('B')], '1 of the 1 validation images are trained on'),
        ([row('A')], [row('A', image='2')], '1 patients of the validation images are trained on'),
    ],
)
def test_data_that_cannot_work_is_said(train, val, said):
    (doubt,) = data_doubts(train, val)
    assert said in doubt


def test_patients_of_two_hospitals_may_have_one_number():
    assert not data_doubts([row('1')], [row('1', image='2', source='theirs')])


def test_an_image_that_nobody_annotated_is_refused():
    with pytest.raises(MammoError, match='nobody annotated 1 of its 2 images'):
        refuse_unannotated('train', [row('A'), row('B', 'no')])


def label(patient):
    return row(patient) | {'mask_kind': 'image-label'}


def test_image_labels_need_a_model_that_learns_from_them():
    rows = {'train': [row('A'), label('B'), label('C')], 'val': [row('D'), label('E')]}
    with pytest.raises(MammoError) as caught:
        refuse_image_labels(rows, has_presence=False, truth=False)
    said = str(caught.value)
    assert 'train_dataloader: 2 of its 3 images have an image label alone' in said
    assert 'Set model.presence_head' in said
    assert 'train_dataloader.dataset.image_labels=False, which leaves them out' in said
    refuse_image_labels(rows, has_presence=True, truth=False)
    refuse_image_labels({'train': [row('A')], 'val': rows['val']}, False, False)


@pytest.mark.parametrize('split', ['val', 'test'])
def test_prompts_cannot_come_from_masks_that_are_not_there(split):
    with pytest.raises(
        MammoError, match=rf'{split}_dataloader: 1 of its 1 .*prompts_from is truth'
    ):
        refuse_image_labels({split: [label('A')]}, has_presence=True, truth=True)
    refuse_image_labels({split: [row('A')]}, has_presence=True, truth=True)


@pytest.mark.parametrize(
    ('train', 'val', 'said'),
    [
        ([label('A')], [row('B')], 'none of the 1 training images has a lesion with a mask'),
        ([row('A')], [label('B')], 'none of the 1 validation images has a lesion with a mask'),
    ],
)
def test_image_labels_alone_teach_no_mask(train, val, said):
    (doubt,) = data_doubts(train, val)
    assert said in doubt


BEST = {'lesion_dice': 'default_hooks.checkpoint.save_best'}


@pytest.mark.parametrize(
    ('begin', 'validates', 'wanted', 'said'),
    [
        (1, True, BEST, None),
        (4, True, BEST, 'val_begin=4 is after the end'),
        (4, True, {}, 'val_begin=4 is after the end'),
        (1, False, BEST, 'save_best=lesion_dice will never act'),
        (1, False, {}, None),
    ],
)
def test_a_training_that_never_validates_is_said(begin, validates, wanted, said):
    doubts = loop_doubts(3, begin, validates, wanted)
    assert len(doubts) == (said is not None)
    assert all(said in doubt for doubt in doubts)


def test_a_score_that_never_comes_is_refused_with_those_like_it():
    known = {'lesion_dice', 'lesion_iou', 'dice'}
    with pytest.raises(MammoError, match=r"save_best='lesion_dise'.*Allowed: lesion_dice"):
        refuse_unknown({'lesion_dise': 'save_best'}, known)
    with pytest.raises(MammoError, match='LossValLoop'):
        refuse_unknown({'val_loss': 'param_scheduler.monitor'}, known)
    refuse_unknown({'val_decode.loss_ce': 'monitor', 'hindsight_dice': 'save_best'}, {'val_loss'})


def test_cuts_are_of_the_patients_of_their_images():
    cut = row('A', image='2', source='ours, lesion-free crops')
    (doubt,) = data_doubts([row('A')], [cut])
    assert '1 patients of the validation images are trained on' in doubt

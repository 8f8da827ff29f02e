"""A batch of noise is built like one of the loader."""

import pytest
import torch
from experiments import shrink

import mmseg_mammo  # noqa: F401 - only registration
from mmseg_mammo.benchmark.batch import real_batch, synthetic_batch
from mmseg_mammo.errors import MammoError


def test_noise_comes_in_the_form_of_the_training_data(prepared, tmp_path):
    real = real_batch(shrink('unet_cbis', prepared, tmp_path), 4)
    noise = synthetic_batch(4, 32, 32)
    for ours, theirs in zip(noise['inputs'], real['inputs'], strict=True):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
    for ours, theirs in zip(noise['data_samples'], real['data_samples'], strict=True):
        assert ours.gt_sem_seg.data.shape == theirs.gt_sem_seg.data.shape
        assert ours.gt_sem_seg.data.dtype == theirs.gt_sem_seg.data.dtype
        assert ours.img_shape == theirs.img_shape


def test_every_image_has_a_lesion_and_a_seed_gives_the_same_again():
    batch, again = synthetic_batch(8, 32, 48), synthetic_batch(8, 32, 48)
    for image, sample in zip(batch['inputs'], batch['data_samples'], strict=True):
        assert 0 <= image.min() < 2
        assert 253 < image.max() <= 255
        assert set(sample.gt_sem_seg.data.unique().tolist()) == {0, 1}
        # A disc of radius 4 covers 50 pixels, in a corner a quarter of that.
        assert 10 <= sample.gt_sem_seg.data.sum() <= 55
    assert all(map(torch.equal, batch['inputs'], again['inputs']))
    assert not torch.equal(batch['inputs'][0], batch['inputs'][1])


def test_a_batch_larger_than_the_training_data_is_refused(prepared, tmp_path):
    with pytest.raises(MammoError, match=r'--batch-size 9: the training data has 4 images'):
        real_batch(shrink('unet_cbis', prepared, tmp_path), 9)

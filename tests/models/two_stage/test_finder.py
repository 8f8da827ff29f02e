import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.two_stage.finder import finder_maps, scale_peaks
from mmseg_mammo.models.two_stage.peaks import Peak


class Stub:
    """A finder whose probability is its first channel, on the grid that the sample asks for."""

    def predict(self, inputs, samples):
        for image, sample in zip(inputs, samples, strict=True):
            height, width = sample.ori_shape
            sample.seg_logits = PixelData(data=image[:1, :height, :width])
        return samples


def sample(**meta):
    return SegDataSample(metainfo={'ori_shape': (80, 60), 'img_path': 'a.png', **meta})


def test_maps_are_on_the_grid_of_the_input_without_its_padding():
    inputs = torch.rand(2, 3, 8, 8)
    given = [sample(), sample(img_padding_size=(0, 3, 0, 1))]
    whole, part = finder_maps(Stub(), inputs, given)
    assert np.array_equal(whole, inputs[0, 0])
    assert np.array_equal(part, inputs[1, 0, :7, :5])
    assert [s.ori_shape for s in given] == [(80, 60)] * 2
    assert 'seg_logits' not in given[0]
    assert finder_maps(Stub(), inputs[:0], []) == []


def test_flipped_inputs_and_numbers_that_are_none_are_refused():
    with pytest.raises(MammoError, match=r'a flipped input for a two-stage model\. Leave --tta'):
        finder_maps(Stub(), torch.rand(1, 3, 8, 8), [sample(flip=True)])
    with pytest.raises(MammoError, match='probabilities that are not numbers'):
        finder_maps(Stub(), torch.full((1, 3, 8, 8), torch.nan), [sample()])


def test_the_middle_of_a_pixel_stays_the_middle():
    found = scale_peaks([Peak(0.0, 1.0, 0.5, 2.0)], (2, 4), (8, 12))
    assert found == [Peak(1.0, 5.5, 0.5, 8.0)]

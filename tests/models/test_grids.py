"""The truth on the grid of the network's input."""

import torch
from sam_models import sample_of, square

from mmseg_mammo.models.grids import picture_shape, truth_on_input


def test_without_padding_the_truth_is_stretched_to_the_input():
    truth = truth_on_input(sample_of(square((80, 40), 20, 10, 20), (80, 40)), (40, 40))
    assert truth.shape == (1, 40, 40)
    assert truth.dtype == torch.uint8
    rows, columns = truth[0].nonzero().T
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (10, 19, 10, 29)


def test_padding_is_ignored_and_the_picture_keeps_its_ratio():
    """80×40 pixels at half size are 40×20 of the 40×40 input; the other 800 are padding."""
    sample = sample_of(square((80, 40), 20, 10, 20), (80, 40), img_padding_size=(0, 20, 0, 0))
    assert picture_shape(sample, (40, 40)) == (40, 20)
    truth = truth_on_input(sample, (40, 40))
    assert (truth[0, :, 20:] == 255).all()
    assert truth[0, 10:20, 5:15].all()
    assert (truth == 1).sum() == 100
    assert (truth == 255).sum() == 800


def test_what_is_on_the_input_already_is_left_alone():
    mask = square((40, 40), 5, 5, 4).to(torch.uint8)
    mask[:, 30:] = 255
    sample = sample_of(mask, (80, 60), padding_size=(0, 10, 0, 0))
    assert truth_on_input(sample, (40, 40)) is sample.gt_sem_seg.data
    assert picture_shape(sample, (40, 40)) == (40, 30)

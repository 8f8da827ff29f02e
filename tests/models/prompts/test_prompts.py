"""Prompts on another grid of the same picture."""

import pytest
import torch

from mmseg_mammo.models.prompts.prompts import Prompts

GIVEN = dict(points=[[[9.0, 19.0], [0.0, 0.0]], [[1.0, 2.0], [3.0, 4.0]]], labels=[[1, -1], [0, 1]])


def test_the_edges_of_the_image_stay_its_edges_on_another_grid():
    """An image of 8 px reaches from -0.5 to 7.5; twice as large, from -0.5 to 15.5."""
    prompts = Prompts(
        torch.tensor([[[-0.5, -0.5], [7.5, 7.5], [3.0, 3.0]]]),
        torch.tensor([[1, 0, -1]]),
        torch.tensor([[-0.5, 0.0, 7.5, 3.5]]),
    )
    larger = prompts.scale(2, 0.5)
    # Pixel 3 covers 2.5 to 3.5: pixels 6 and 7 of the larger grid, their middle 6.5.
    assert larger.points.tolist() == [[[-0.5, -0.5], [15.5, 3.5], [6.5, 1.25]]]
    assert larger.boxes.tolist() == [[-0.5, -0.25, 15.5, 1.5]]
    assert larger.labels.tolist() == [[1, 0, -1]]


def test_scaling_there_and_back_changes_nothing():
    points = torch.rand(3, 4, 2, generator=torch.Generator().manual_seed(0)) * 100
    prompts = Prompts(points, torch.ones(3, 4).long())
    back = prompts.scale(1024 / 300, 1024 / 500).scale(300 / 1024, 500 / 1024)
    torch.testing.assert_close(back.points, points)
    assert back.boxes is None


def test_prompts_without_points_can_be_scaled():
    prompts = Prompts(torch.zeros(2, 0, 2), torch.zeros(2, 0).long(), torch.zeros(2, 4))
    scaled = prompts.scale(3, 3)
    assert scaled.points.shape == (2, 0, 2)
    assert scaled.boxes[0].tolist() == [1] * 4


def test_prompts_cannot_be_changed_in_place():
    with pytest.raises(AttributeError):
        Prompts(torch.zeros(1, 1, 2), torch.ones(1, 1).long()).points = torch.ones(1, 1, 2)


def test_padding_belongs_to_no_object():
    prompts = Prompts(
        torch.tensor(GIVEN['points']), torch.tensor(GIVEN['labels']), torch.zeros(2, 4)
    )
    first, second = prompts.per_object()
    assert (first.points.tolist(), first.labels.tolist()) == ([[[9, 19]]], [[1]])
    assert second.labels.tolist() == [[0, 1]]
    assert first.boxes.shape == second.boxes.shape == (1, 4)

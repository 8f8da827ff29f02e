"""Prompts of one image: points and boxes of its objects."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Prompts:
    """Points, and a box or none, for each of the O objects of one image.

    Coordinates are (x, y) in pixels of some grid of the image, and the centre of the upper left
    pixel is (0, 0), as in segment-anything, whose prompt encoder adds a half.

    Attributes:
        points: O×N×2 float32; N may be 0.
        labels: O×N int64: 1 lesion, 0 background, -1 padding (no point).
        boxes: O×4 float32, x1 y1 x2 y2, the centres of two corner pixels that the box contains.
    """

    points: Tensor
    labels: Tensor
    boxes: Tensor | None = None

    def scale(self, sx: float, sy: float) -> 'Prompts':
        """The same places on another grid of the same picture.

        Args:
            sx: Width of the new grid over that of the old one.
            sy: The same for the height.
        """
        factor = torch.tensor([sx, sy], dtype=self.points.dtype, device=self.points.device)
        boxes = self.boxes
        if boxes is not None:
            boxes = _scale_places(boxes.view(-1, 2, 2), factor).view(-1, 4)
        return Prompts(_scale_places(self.points, factor), self.labels, boxes)

    def per_object(self) -> list['Prompts']:
        """The prompts of each object alone, its padding left out."""
        alone = []
        for index, labels in enumerate(self.labels):
            real = labels >= 0
            box = None if self.boxes is None else self.boxes[index : index + 1]
            alone.append(Prompts(self.points[index : index + 1, real], labels[None, real], box))
        return alone

    def as_metainfo(self) -> dict[str, list[list[Any]]]:
        """Metainfo of a prediction: ``prompt_points`` ([x, y, label]) and ``prompt_boxes``."""
        points = [
            [*place, label]
            for places, labels in zip(self.points.tolist(), self.labels.tolist(), strict=True)
            for place, label in zip(places, labels, strict=True)
            if label >= 0
        ]
        boxes = [] if self.boxes is None else self.boxes.tolist()
        return {'prompt_points': points, 'prompt_boxes': boxes}


def _scale_places(places: Tensor, factor: Tensor) -> Tensor:
    return (places + 0.5) * factor - 0.5

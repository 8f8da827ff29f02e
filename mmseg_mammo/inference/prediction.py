"""Prediction on one image: probability, mask, and the regions that are marked. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mmseg_mammo.evaluation.regions import SPECK, Regions, find_regions, longest_diameter


@dataclass(frozen=True)
class Region:
    """One connected region that a model marks. Pixels are those of the image; (0, 0) is the top left.

    Attributes:
        number: From 1, by falling score.
        score: Highest probability in it, 0 to 1.
        x: Column of its centroid.
        y: Row of its centroid.
        left: First column.
        top: First row.
        right: First column beyond it, as in ``lesions_test.csv``.
        bottom: First row beyond it.
        pixels: Its area.
        area_mm2: None where the spacing is unknown.
        longest_diameter_mm: See :func:`.longest_diameter`; None where the spacing is unknown.
    """

    number: int
    score: float
    x: float
    y: float
    left: int
    top: int
    right: int
    bottom: int
    pixels: int
    area_mm2: float | None
    longest_diameter_mm: float | None


@dataclass(frozen=True)
class Prediction:
    """What a model makes of one image.

    Attributes:
        probability: H×W float32 on the grid of the image, that of a lesion.
        mask: H×W bool.
        regions: Of the mask; specks are left out (:data:`.SPECK`), as in all scores of lesions.
        spacing: Millimetres of a pixel, (row, column); None is unknown.
        threshold: Probability above which a pixel is lesion.
        features: What the network makes of the image, in 32 numbers (:func:`.image_features`); None
            of one that does not tell, as of an ONNX file. Of several models those of the first.
        presence: Probability that there is a lesion at all, 0 to 1; None of a model that does not
            tell.
        presence_threshold: An image whose presence is not above it is closed; None closes none.
        closed: Whether it is: the mask is empty then, ``probability`` is what it would be cut from.
        candidates: Of a model of two stages, best first: ``x`` and ``y`` of the peak, ``crop`` (left,
            top, right, bottom), ``finder_score``, ``refiner_presence``, ``refiner_max``, ``score``
            and ``kept``. None of one stage, and of several models.
    """

    probability: np.ndarray
    mask: np.ndarray
    regions: tuple[Region, ...]
    spacing: tuple[float, float] | None
    threshold: float
    features: np.ndarray | None = None
    presence: float | None = None
    presence_threshold: float | None = None
    closed: bool = False
    candidates: tuple[Mapping[str, Any], ...] | None = None

    @property
    def score(self) -> float:
        """Highest probability of the image; 0 of a closed one, as in ``mammoseg test``."""
        return 0.0 if self.closed else float(self.probability.max())


def describe(
    probability: np.ndarray,
    mask: np.ndarray,
    threshold: float,
    spacing: tuple[float, float] | None = None,
    features: np.ndarray | None = None,
    **further: Any,
) -> Prediction:
    """The prediction with its regions.

    Args:
        probability: H×W float32.
        mask: H×W bool.
        threshold: By which the mask was cut.
        spacing: Millimetres of a pixel, (row, column).
        features: See :class:`Prediction`.
        further: ``presence``, ``presence_threshold`` and ``closed`` of a model with presence;
            ``candidates`` of one of two stages.
    """
    found = find_regions(mask)
    found = found.select(found.pixels > SPECK * mask.size)
    regions = [_region(found, index, probability, spacing) for index in range(len(found))]
    regions.sort(key=lambda region: -region.score)
    numbered = (replace(region, number=number) for number, region in enumerate(regions, start=1))
    return Prediction(probability, mask, tuple(numbered), spacing, threshold, features, **further)


def _region(
    found: Regions, index: int, probability: np.ndarray, spacing: tuple[float, float] | None
) -> Region:
    """Region ``index``, without its number; only its box is looked at."""
    left, top, width, height = map(int, found.boxes[index])
    box = np.s_[top : top + height, left : left + width]
    inside = found.labels[box] == index + 1
    pixels = int(found.pixels[index])
    return Region(
        number=0,
        score=float(probability[box][inside].max()),
        x=round(float(found.centres[index][0]), 2),
        y=round(float(found.centres[index][1]), 2),
        left=left,
        top=top,
        right=left + width,
        bottom=top + height,
        pixels=pixels,
        area_mm2=round(pixels * spacing[0] * spacing[1], 4) if spacing else None,
        longest_diameter_mm=round(longest_diameter(inside, spacing), 4) if spacing else None,
    )

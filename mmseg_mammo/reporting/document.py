"""Document: the tables, sections and viewer cases that a report consists of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a card of prepared data needs no matplotlib
    from mmseg_mammo.visualization.plots import Figure

Cell = str | float | int | None


@dataclass(frozen=True)
class Table:
    """A table. ``name`` is the stem of its files; None is a cell without a value, shown as –."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """A chapter of the page. ``anchor`` is its id in links; ``text`` are paragraphs."""

    anchor: str
    title: str
    text: tuple[str, ...]
    items: 'tuple[Table | Figure, ...]'
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """A candidate of a model of two stages on a picture; places are 0 to 1 of width and height.

    Attributes:
        x: Of the peak.
        y: Likewise.
        crop: Left, top, right and bottom edge of its crop, which may reach out of the picture.
        score: After both stages, 0 to 1.
        finder_score: Of the finder alone.
        kept: Whether its mask is in the prediction.
        found: Whether the crop holds at least half of a true lesion; None without a truth.
    """

    x: float
    y: float
    crop: tuple[float, float, float, float]
    score: float
    finder_score: float
    kept: bool
    found: bool | None = None


@dataclass(frozen=True)
class Case:
    """One image of the viewer, with what every model made of it.

    Attributes:
        key: File-name stem, unique in its data set.
        dataset: Name of the data set.
        facts: View, laterality, finding, pathology, density, annotated, size stratum,
            mask_kind, source, split; '' is unknown.
        image: JPEG, grey.
        truth: 1-bit PNG mask on the grid of ``image``; None without a lesion.
        predictions: Mask file of each model, on the same grid; None is an empty prediction.
        scores: dice, iou (0 to 1) and max_probability of each model; without a truth score,
            regions, area_pixels and area_mm2.
        points: Prompt points of each model, (x, y, label), x and y from 0 to 1 of width and
            height; label 1 is lesion, 0 background.
        files: Addresses of further files from the page, by what a link to them says.
        candidates: Of each model of two stages, best first.
    """

    key: str
    dataset: str
    facts: Mapping[str, str]
    image: Path
    truth: Path | None
    predictions: Mapping[str, Path | None]
    scores: Mapping[str, Mapping[str, float | None]]
    points: Mapping[str, tuple[tuple[float, float, int], ...]]
    files: Mapping[str, str] = field(default_factory=dict)
    candidates: Mapping[str, tuple[Candidate, ...]] = field(default_factory=dict)

"""Histogram matching: by hand, against the inverse of another mapping, in 8 and 16 bits."""

import numpy as np
import pytest
from mmseg.registry import TRANSFORMS

from mmseg_mammo.errors import DataFileError, MammoError
from mmseg_mammo.evaluation.breast import breast_core
from mmseg_mammo.transforms.histogram import MatchHistogram, breast_quantiles, match_levels


def mammogram(seed, dtype=np.uint8):
    """A half disc of noise on black."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:160, :120]
    inside = ((rows - 80) / 70) ** 2 + (columns / 60) ** 2 < 1
    image = np.zeros((160, 120), dtype)
    top = np.iinfo(dtype).max
    image[inside] = (top * rng.beta(4, 3, inside.sum())).clip(0.2 * top, 0.9 * top)
    return image


def test_levels_go_to_their_quantiles_by_hand(monkeypatch):
    """All is breast. Shares 1/4 and 3/4 of pixels at 150 and 200."""
    core = 'mmseg_mammo.transforms.histogram.breast_core'
    monkeypatch.setattr(core, lambda image: np.ones(image.shape, bool))
    image = np.full((8, 8), 150, np.uint8)
    image[::2, ::2] = image[1::2, 1::2] = 200
    assert breast_quantiles(image, 5).tolist() == [150, 150, 175, 200, 200]
    found = match_levels(image, [0, 40, 80, 120, 160])
    assert found[0, 1] == 40
    assert found[0, 0] == 120
    sixteen = match_levels(image.astype(np.uint16) * 257, [0, 40, 80, 120, 160])
    assert sixteen.dtype == np.uint16
    assert (sixteen == found.astype(np.uint16) * 257).all()


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_another_scanner_is_brought_back_to_the_reference(dtype):
    """A monotone change of levels, as of another exposure, is undone within rounding."""
    image = mammogram(0, dtype)
    top = np.iinfo(dtype).max
    changed = np.rint(top * 0.7 * (image / top) ** 1.7).astype(dtype)
    reference = breast_quantiles(image, 129)
    breast = breast_core(changed) & (image > 0)
    error = np.abs(match_levels(changed, reference).astype(float) - image)[breast] / top * 255
    before = np.abs(changed.astype(float) - image)[breast] / top * 255
    assert error.mean() < 2
    assert before.mean() > 40


def test_black_stays_black_and_order_is_kept():
    image = mammogram(1)
    found = match_levels(image, np.linspace(10, 250, 33))
    assert not found[image == 0].any()
    order = np.argsort(image.ravel(), kind='stable')
    assert (np.diff(found.ravel()[order].astype(int)) >= 0).all()


@pytest.mark.parametrize('layout', [(), (1,), (3,)])
def test_the_step_keeps_the_layout_and_notes_the_levels(layout):
    image = mammogram(2, np.uint16)
    given = image if not layout else np.repeat(image[..., None], layout[0], axis=-1)
    step = TRANSFORMS.build(dict(type='MatchHistogram', reference=[0, 60, 200]))
    found = step({'img': given})
    assert found['img'].shape == given.shape
    expected = match_levels(image, [0, 60, 200])
    np.testing.assert_array_equal(found['img'].reshape(160, 120, -1)[..., -1], expected)
    assert found['grey_levels'] == ('uint16', int(expected.max()))


def test_colours_and_references_that_mean_nothing_are_refused():
    image = np.dstack([mammogram(0)] * 3)
    image[80, 5, 1] += 1
    with pytest.raises(DataFileError, match='colours'):
        MatchHistogram(reference=[0, 255])({'img': image})
    for reference in ([], [1], [5, 4], [0, 256], [-1, 2]):
        with pytest.raises(MammoError, match='rising'):
            MatchHistogram(reference=reference)
    with pytest.raises(MammoError, match='mammoseg test CHECKPOINT'):
        MatchHistogram()

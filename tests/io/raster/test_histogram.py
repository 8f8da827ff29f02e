import numpy as np
import pytest

from mmseg_mammo.io.raster.histogram import percentile


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_percentiles_are_those_of_numpy_to_the_last_bit(dtype):
    rng = np.random.default_rng(0)
    for seed in range(400):
        highest = int(rng.integers(0, np.iinfo(dtype).max + 1))
        image = rng.integers(0, highest, rng.integers(1, 30, 2), dtype, endpoint=True)
        share = (0, 1, 50, 99, 100, rng.uniform(0, 100))[seed % 6]
        assert percentile(image, share) == np.percentile(image, share)


@pytest.mark.parametrize('share', [-1, 100.5, float('nan')])
def test_other_shares_are_refused(share):
    with pytest.raises(ValueError, match='0 to 100'):
        percentile(np.zeros((2, 2), np.uint8), share)

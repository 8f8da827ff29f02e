"""The plain script gives the files of our preparation, byte for byte."""

import numpy as np

from mmseg_mammo.benchmark.phantom_data import make_raw
from mmseg_mammo.benchmark.plain_preparation import plan, prepare_plain
from mmseg_mammo.io.image import read_raster
from mmseg_mammo.preparation.cbis_ddsm.prepare import Options, prepare


def test_its_images_and_masks_are_ours(tmp_path):
    raw = make_raw(tmp_path, 6, 96)
    for side in (0, 64):
        ours, theirs = tmp_path / f'ours_{side}', tmp_path / f'theirs_{side}'
        prepare(raw, ours, Options(long_side=side, jobs=1), lambda line: None)
        prepare_plain(raw, plan(ours), theirs, side)
        made = sorted(path.relative_to(ours) for path in ours.glob('*/*.png'))
        assert len(made) >= 8
        for path in made:
            assert np.array_equal(read_raster(ours / path), read_raster(theirs / path)), path

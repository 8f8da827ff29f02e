import numpy as np
from cbis_samples import uid

from mmseg_mammo.io.image import write_png
from mmseg_mammo.preparation.cbis_ddsm.instance import read_instance

SHAPE = (60, 40)


def test_a_raster_file_takes_the_last_uid_of_its_path_as_series(tmp_path):
    pixels = np.zeros(SHAPE, np.uint16)
    for path in (tmp_path / uid(5) / '2-057.png', tmp_path / 'flat' / f'{uid(5)}_2-057.png'):
        write_png(path, pixels)
        instance = read_instance(path)
        assert (instance.shape, instance.bits, instance.series) == (SHAPE, 16, uid(5))

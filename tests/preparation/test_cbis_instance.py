import numpy as np
from cbis_samples import uid

from mmseg_mammo.preparation.cbis_instance import read_instance
from mmseg_mammo.preparation.images import write_png


def test_a_raster_file_takes_its_folder_as_series(tmp_path):
    path = tmp_path / uid(5) / '2-057.png'
    write_png(path, make_mask(dtype=np.uint16))
    instance = read_instance(path)
    assert (instance.shape, instance.bits, instance.series) == (SHAPE, 16, uid(5))

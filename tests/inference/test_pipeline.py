"""The image of a test pipeline, from an array in place of a file."""

import numpy as np
import pytest
from mmengine.dataset import Compose

from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference.pipeline import build_image_steps, level_changing_steps, run_steps
from mmseg_mammo.io.image import map_intensity, write_png

LOAD = dict(type='LoadMammogram', intensity='percentile', percentiles=(5, 90))
RESIZE = dict(type='Resize', scale=(32, 24), keep_ratio=False)
CLAHE = dict(type='MammoCLAHE', tile_grid_size=(2, 2))
PACK = dict(type='PackMammogram')


@pytest.fixture
def grey():
    return np.random.default_rng(0).integers(500, 9000, (60, 50)).astype(np.uint16)


@pytest.mark.parametrize('steps', [[RESIZE], [RESIZE, CLAHE], [CLAHE, RESIZE]])
def test_they_give_what_the_pipeline_gives(steps, grey, tmp_path):
    write_png(tmp_path / 'a.png', grey)
    whole = Compose([LOAD, *steps])(dict(img_path=str(tmp_path / 'a.png')))
    loading, found = build_image_steps([LOAD, dict(type='LoadLesionMask'), *steps, PACK])
    levels = map_intensity(np.dstack([grey] * 3), loading.intensity, loading.percentiles)
    assert (run_steps(found, levels, (24, 32)) == whole['img']).all()
    assert level_changing_steps(found) == ['MammoCLAHE'] * (len(steps) - 1)


@pytest.mark.parametrize('pipeline', [[], [dict(type='LoadImageFromFile'), RESIZE], [RESIZE]])
def test_a_pipeline_that_reads_images_in_another_way_is_refused(pipeline):
    with pytest.raises(MammoError, match='not known what it does to grey levels'):
        build_image_steps(pipeline)


@pytest.mark.parametrize(
    'step',
    [
        dict(type='RandomFlip', prob=1.0),
        dict(type='RandomCrop', crop_size=(8, 8)),
        dict(type='PackSegInputs'),
    ],
)
def test_what_moves_pixels_elsewhere_is_refused(step, grey):
    _, steps = build_image_steps([LOAD, RESIZE, step])
    run = lambda: run_steps(steps, np.dstack([grey] * 3), (24, 32))
    if step['type'] == 'PackSegInputs':
        assert run().shape == (24, 32, 3)  # left out
    else:
        with pytest.raises(MammoError, match='neither crops nor flips'):
            run()


def test_colours_are_for_resizing_alone(grey):
    colour = np.dstack([grey, grey // 2, grey])
    assert run_steps(build_image_steps([LOAD, RESIZE])[1], colour, (24, 32)).shape == (24, 32, 3)
    with pytest.raises(MammoError, match='colours for MammoCLAHE'):
        run_steps(build_image_steps([LOAD, CLAHE, RESIZE])[1], colour, (24, 32))

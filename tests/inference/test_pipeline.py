"""The image of a test pipeline, from an array in place of a file."""

import numpy as np
import pytest
from mmengine.dataset import Compose

from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference.pipeline import build_image_steps, level_changing_steps, run_steps
from mmseg_mammo.io.image import map_intensity, write_png

MAP = dict(type='MapIntensity', intensity='percentile', percentiles=(5, 90))
READ = dict(type='ReadMammogram')
LOAD = {**MAP, 'type': 'LoadMammogram'}
RESIZE = dict(type='Resize', scale=(32, 24), keep_ratio=False)
CLAHE = dict(type='MammoCLAHE', tile_grid_size=(2, 2))
SHRINK = dict(type='ShrinkMammogram', long_side=40)
PACK = dict(type='PackMammogram')


@pytest.fixture
def grey():
    return np.random.default_rng(0).integers(500, 9000, (60, 50)).astype(np.uint16)


@pytest.mark.parametrize('first', [[LOAD], [READ, MAP]])
@pytest.mark.parametrize('steps', [[RESIZE], [SHRINK, RESIZE], [RESIZE, CLAHE], [CLAHE, RESIZE]])
def test_they_give_what_the_pipeline_gives(steps, first, grey, tmp_path):
    write_png(tmp_path / 'a.png', grey)
    whole = Compose([*first, *steps])(dict(img_path=str(tmp_path / 'a.png')))
    loading, found = build_image_steps([*first, dict(type='LoadLesionMask'), *steps, PACK])
    levels = map_intensity(np.dstack([grey] * 3), loading.intensity, loading.percentiles)
    assert (run_steps(found, levels, (24, 32)) == whole['img']).all()
    assert level_changing_steps(found) == ['MammoCLAHE'] * steps.count(CLAHE)


@pytest.mark.parametrize('reader', ['LoadImageFromFile', 'LoadImageFromNDArray'])
def test_levels_that_the_host_has_read_are_mapped_too(reader):
    loading, steps = build_image_steps([dict(type=reader), MAP, RESIZE, PACK])
    assert loading.percentiles == (5, 90)
    assert [type(step).__name__ for step in steps] == ['Resize']


@pytest.mark.parametrize(
    'pipeline',
    [
        *([], [RESIZE], [dict(type='LoadImageFromFile'), RESIZE]),
        *([READ], [READ, RESIZE], [MAP, RESIZE], [READ, SHRINK, MAP, RESIZE]),
    ],
)
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

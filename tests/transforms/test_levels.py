"""A step that breaks the depth or the range of grey levels is told, in whatever place it stands."""

import numpy as np
import pytest
from mmengine.dataset import Compose

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.image import write_png
from mmseg_mammo.transforms.levels import broken_levels

SEED = np.random.default_rng(0)
SMOOTH = np.add.outer(np.linspace(0, 0.6, 90), np.linspace(0, 0.35, 70)) + 0.03 * SEED.random(
    (90, 70)
)
EQUALISE = dict(type='MammoCLAHE', clip_limit=2.0, tile_grid_size=(4, 4))


def packed(tmp_path, steps, bits=16, intensity='minmax', image=SMOOTH):
    top = 2**bits - 1
    write_png(tmp_path / 'a.png', (image * top).astype(np.uint16 if bits > 8 else np.uint8))
    load = dict(type='LoadMammogram', intensity=intensity)
    np.random.seed(1)
    pipeline = Compose([load, *steps, dict(type='PackMammogram')])
    return pipeline({'img_path': str(tmp_path / 'a.png')})['inputs'].numpy()


BREAKING = {
    'mmseg CLAHE': dict(type='CLAHE', clip_limit=2.0, tile_grid_size=(4, 4)),
    'AdjustGamma': dict(type='AdjustGamma', gamma=0.9),
    'RGB2Gray': dict(type='RGB2Gray'),
    'Normalize': dict(type='Normalize', mean=[127.5] * 3, std=[127.5] * 3, to_rgb=False),
    'to [0, 1]': dict(type='Rerange', min_value=0, max_value=1),
    'to [-1, 1]': dict(type='Rerange', min_value=-1, max_value=1),
}


@pytest.mark.parametrize('intensity', ['minmax', 'stored'])
@pytest.mark.parametrize('name', BREAKING)
def test_what_breaks_16_bits_is_refused_and_its_kind_named(name, intensity, tmp_path):
    for steps in (
        [BREAKING[name]],
        [dict(type='Resize', scale=(48, 64)), BREAKING[name], dict(type='RandomFlip', prob=1.0)],
        [BREAKING[name], EQUALISE],
    ):
        with pytest.raises(DataFileError) as error:
            packed(tmp_path, steps, intensity=intensity)
        assert 'a.png' in str(error.value)
        assert 'CLAHE, AdjustGamma' in str(error.value) or 'before any conversion' in str(
            error.value
        )


def test_photometric_distortion_of_16_bits_never_passes(tmp_path):
    """It draws what it does; of the draws that do something none comes through."""
    distort = dict(type='PhotoMetricDistortion')
    for seed in range(8):
        np.random.seed(seed)
        try:
            out = Compose([distort])({'img': np.full((8, 8, 3), 40000, np.uint16)})['img']
        except Exception:  # noqa: BLE001, S112 - OpenCV has no HSV of 16 bits
            continue
        assert broken_levels(out, ('uint16', 65535)) or (out == 40000).all()


KEEPING = {
    'nothing': [],
    'resize': [dict(type='Resize', scale=(48, 64), interpolation='bicubic')],
    'ours': [dict(type='RandomIntensity', prob=1.0), EQUALISE],
    'rotate': [dict(type='RandomRotate', prob=1.0, degree=20)],
    'cut out': [dict(type='RandomCutOut', prob=1.0, n_holes=2, cutout_shape=(9, 9))],
    'rerange': [dict(type='Rerange')],
    'pad': [dict(type='Pad', size=(100, 100))],
}


@pytest.mark.parametrize('bits', [8, 16])
@pytest.mark.parametrize('name', KEEPING)
def test_what_keeps_the_levels_passes_in_either_depth(name, bits, tmp_path):
    inputs = packed(tmp_path, KEEPING[name], bits)
    assert inputs.max() > 100
    assert -30 < inputs.min() <= inputs.mean()


@pytest.mark.parametrize('name', ['mmseg CLAHE', 'AdjustGamma', 'RGB2Gray'])
def test_the_hosts_steps_are_welcome_in_8_bits(name, tmp_path):
    assert packed(tmp_path, [BREAKING[name]], bits=8).max() > 100


@pytest.mark.parametrize('name', ['Brightness', 'ColorTransform', 'Sharpness'])
@pytest.mark.parametrize('top', [4000, 65535])
def test_what_clips_16_bits_to_8_is_told(name, top):
    step = dict(type=f'mmpretrain.{name}', magnitude=0.5, prob=1.0)
    breast = np.where(SMOOTH > 0.2, SMOOTH, 0)
    image = np.repeat((breast * top)[..., None], 3, axis=-1).astype(np.uint16)
    out = Compose([step])({'img': image})['img']
    assert '16-bit levels' in broken_levels(out, ('uint16', int(image.max())))


def test_a_dark_part_of_an_image_is_not_accused(tmp_path):
    """Background of a detector with 12 bits in 16, its noise stretched; and black."""
    noise = 16 * SEED.integers(0, 16, (64, 64))
    for dark in (noise, np.zeros_like(noise), noise // 16):
        image = np.repeat(dark[..., None], 3, axis=-1).astype(np.uint16)
        assert broken_levels(image, ('uint16', 65535)) == ''
    few = np.repeat(SMOOTH[..., None] * 255, 3, axis=-1).astype(np.uint16)
    assert broken_levels(few, ('uint16', 255)) == ''  # 8 bits that were stored in 16
    assert broken_levels(few, ('uint16', 65535)) == '16-bit levels from 0 to 249 only'
    assert broken_levels(few) == ''  # by another loader, who did not say
    assert 'int64' in broken_levels(few.astype(int))
    assert 'nan' in broken_levels(few * np.nan)

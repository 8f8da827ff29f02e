import numpy as np
import pytest
import torch

from mmseg_mammo.datasets import MammographyDataset
from mmseg_mammo.transforms.packing import rescale_to_255

PIPELINE = [
    {'type': 'LoadMammogram'},
    {'type': 'LoadLesionMask'},
    {'type': 'Resize', 'scale': (32, 48), 'keep_ratio': False},
    {'type': 'MammoCLAHE', 'tile_grid_size': (4, 4)},
    {'type': 'PackMammogram'},
]


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_the_full_range_becomes_0_to_255(dtype):
    top = np.iinfo(dtype).max
    scaled = rescale_to_255(np.array([0, top // 5, top], dtype))
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, [0, 51, 255], rtol=1e-6)


def test_16_bit_differences_survive_the_whole_pipeline(prepared):
    dataset = MammographyDataset(data_root=str(prepared), pipeline=PIPELINE)
    packed = dataset[0]
    assert packed['inputs'].dtype == torch.float32
    assert packed['inputs'].shape == (3, 48, 32)
    fractions = packed['inputs'] % 1
    assert ((fractions > 0.01) & (fractions < 0.99)).any()  # not rounded to 8 bits
    sample = packed['data_samples']
    assert sample.gt_sem_seg.data.unique().tolist() == [0, 1]
    assert (sample.patient_id, sample.mask_kind) == ('A', 'phantom')
    assert sample.ori_shape == (80, 64)

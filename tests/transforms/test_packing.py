from dataclasses import replace

import numpy as np
import pytest
import torch
from experiments import CONFIGS
from mmengine.config import Config
from mmengine.dataset import Compose

from mmseg_mammo.datasets import MammographyDataset
from mmseg_mammo.io.image import write_png
from mmseg_mammo.io.index import read_index, write_index

PIPELINE = [
    {'type': 'LoadMammogram'},
    {'type': 'LoadLesionMask'},
    {'type': 'Resize', 'scale': (32, 48), 'keep_ratio': False},
    {'type': 'MammoCLAHE', 'tile_grid_size': (4, 4)},
    {'type': 'PackMammogram'},
]


WITHOUT_CLAHE = [step for step in PIPELINE if step['type'] != 'MammoCLAHE']


@pytest.mark.parametrize('pipeline', [PIPELINE, WITHOUT_CLAHE])
def test_16_bit_differences_survive_the_whole_pipeline_unless_it_equalises(prepared, pipeline):
    dataset = MammographyDataset(data_root=str(prepared), pipeline=pipeline)
    packed = dataset[0]
    assert packed['inputs'].dtype == torch.float32
    assert packed['inputs'].shape == (3, 48, 32)
    fractions = packed['inputs'] % 1
    fine = ((fractions > 0.01) & (fractions < 0.99)).any()
    assert fine == (pipeline is WITHOUT_CLAHE)  # rounded to 8 bits by MammoCLAHE alone
    sample = packed['data_samples']
    assert sample.gt_sem_seg.data.unique().tolist() == [0, 1]
    assert (sample.patient_id, sample.mask_kind) == ('A', 'phantom')
    assert sample.ori_shape == (80, 64)


@pytest.mark.parametrize('name', ['unet_cbis', 'setr_pup_vpt_cbis', 'sam_finetune_cbis'])
@pytest.mark.parametrize('step', [257, 256, 1])
def test_the_same_levels_in_8_and_in_16_bits_are_the_same_input(name, step, tmp_path):
    levels = np.random.default_rng(0).integers(20, 200, (90, 70)).astype(np.uint8)
    write_png(tmp_path / '8.png', levels)
    write_png(tmp_path / '16.png', levels.astype(np.uint16) * step)
    steps = Config.fromfile(CONFIGS / f'{name}.py').test_pipeline
    pipeline = Compose([step for step in steps if step.type != 'LoadLesionMask'])
    packed = [pipeline({'img_path': str(tmp_path / f'{bits}.png')})['inputs'] for bits in (8, 16)]
    assert packed[0].unique().numel() > 100
    assert (packed[0] == packed[1]).all()


def test_the_size_of_an_image_reaches_the_metric_and_its_identifiers_do_not(prepared, tmp_path):
    rows = read_index(prepared / 'index.csv')
    told = [replace(row, pixel_spacing='0.5 0.25', sop_uid='1.2.3') for row in rows]
    write_index(tmp_path / 'index.csv', told)
    for name in ('images', 'masks'):
        (tmp_path / name).symlink_to(prepared / name)
    known, unknown = (
        MammographyDataset(data_root=str(root), pipeline=PIPELINE)[0]['data_samples']
        for root in (tmp_path, prepared)
    )
    assert known.extent_mm == (40.0, 16.0)  # 80 × 64 pixels
    assert unknown.extent_mm is None
    assert '1.2.3' not in str(known.to_dict())

from dataclasses import replace

import numpy as np
import pytest
import torch
from experiments import CONFIGS
from mmengine.config import Config
from mmengine.dataset import Compose
from mmseg.models import SegDataPreProcessor
from prepared_sets import drop_masks

from mmseg_mammo.datasets import MammographyDataset
from mmseg_mammo.io.image import write_png
from mmseg_mammo.io.index import read_index, write_index
from mmseg_mammo.transforms import PackMammogram

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


@pytest.mark.parametrize(
    'step',
    [
        {'type': 'ResizeMammogram', 'scale': (32, 48), 'keep_ratio': False},
        {'type': 'RandomLesionAffine', 'prob': 1.0},
        {'type': 'RandomFlip', 'prob': 1.0},
        {'type': 'RandomRotate', 'prob': 1.0, 'degree': 30.0, 'seg_pad_val': 0},
    ],
    ids=lambda step: step['type'],
)
def test_no_step_makes_a_lesion_of_an_image_label(prepared, tmp_path, step):
    folder = drop_masks(prepared, tmp_path / 'mixed', 'images/0.png')
    steps = [*PIPELINE[:2], step, PIPELINE[-1]]
    dataset = MammographyDataset(data_root=str(folder), pipeline=steps)
    label, masked = (dataset[i]['data_samples'].gt_sem_seg.data.unique().tolist() for i in (0, 1))
    assert label == [255]
    assert masked == [0, 1]


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


def packed(image, mask=None, **settings):
    results = {'img': image, 'img_path': 'a.png', 'ori_shape': image.shape[:2]}
    if mask is not None:
        results['gt_seg_map'] = mask
    return PackMammogram(**settings).transform(results)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize('training', [True, False])
@pytest.mark.filterwarnings('error:The given NumPy array is not writable')
def test_one_channel_is_the_same_input_of_a_network_bit_for_bit(dtype, training):
    rng = np.random.default_rng(0)
    grey = (rng.random((37, 41)) * (255 if dtype != np.uint16 else 65535)).astype(dtype)
    mask = (grey > grey.mean()).astype(np.uint8)
    preprocessor = SegDataPreProcessor(
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], size=(48, 48)
    )
    found = []
    for image in (np.dstack([grey] * 3), np.broadcast_to(grey[..., None], (37, 41, 3))):
        for one in (False, True):
            sample = packed(image, mask, one_channel=one, small_masks=one)
            assert len(sample['inputs']) == (1 if one else 3)
            batch = {key: [value] for key, value in sample.items()}
            data = preprocessor(batch, training)
            found.append((data['inputs'], data['data_samples'][0].gt_sem_seg.data))

    for inputs, truth in found[1:]:
        assert torch.equal(inputs, found[0][0])
        assert torch.equal(truth.long(), found[0][1])
    assert found[1][1].dtype == torch.uint8


def test_eight_bits_stay_eight_bits_and_colours_three_channels():
    grey = np.full((5, 6, 3), 7, np.uint8)
    assert packed(grey, one_channel=True)['inputs'].dtype == torch.uint8
    grey[2, 3, 1] = 8
    assert packed(grey, one_channel=True)['inputs'].shape == (3, 5, 6)


def test_metainfo_is_a_copy():
    prompts = {'points': [[(1, 2)]]}
    results = {'img': np.zeros((4, 4, 3), np.uint8), 'img_path': 'a', 'prompts': prompts}
    sample = PackMammogram().transform(results)['data_samples']
    prompts['points'].clear()
    assert sample.metainfo['prompts'] == {'points': [[(1, 2)]]}
    assert sample.img_path == 'a'


def test_edges_are_packed_by_mmseg():
    results = {'img': np.zeros((4, 4, 3), np.uint8), 'gt_edge_map': np.eye(4, dtype=np.uint8)}
    sample = PackMammogram().transform(results)['data_samples']
    assert sample.gt_edge_map.data.shape == (1, 4, 4)

"""MMSegmentation's own functions, data sets, steps, losses and metrics, called on what is ours."""

import runpy
import sys
from pathlib import Path

import mmseg
import numpy as np
import pytest
import torch
from experiments import halve, shrink
from mmengine.analysis import get_model_complexity_info
from mmengine.config import ConfigDict
from mmengine.dataset import Compose, ConcatDataset, RepeatDataset
from mmengine.runner import Runner
from mmseg.apis import inference_model, init_model
from mmseg.evaluation import IoUMetric
from mmseg.registry import DATASETS, MODELS

from mmseg_mammo.errors import DataFileError, MammoError
from mmseg_mammo.evaluation.metric import MammographyMetric
from mmseg_mammo.io.image import read_image, write_png

TOOLS = Path(mmseg.__file__).parent / '.mim' / 'tools'
KINDS = ('unet_cbis', 'setr_pup_vpt_cbis', 'sam_finetune_cbis')


def batch(cfg, count=2, split='test'):
    dataset = DATASETS.build({**cfg.test_dataloader.dataset, 'split': split})
    items = [dataset[index] for index in range(count)]
    return {key: [item[key] for item in items] for key in items[0]}


@pytest.fixture(params=KINDS)
def cfg(request, prepared, tmp_path):
    return shrink(request.param, prepared, tmp_path)


def test_forward_in_each_of_the_hosts_modes(cfg):
    """mmseg's test_forward: losses that can be parsed, one prediction per image, plain tensors."""
    whole = ConfigDict(mode='whole')
    model = MODELS.build({**cfg.model, 'train_cfg': None, 'test_cfg': whole}).train()
    data = model.data_preprocessor(batch(cfg), False)
    inputs = data['inputs']
    assert inputs.shape == (2, 3, 32, 32)
    total, losses = model.parse_losses(model.forward(**train_batch(cfg, model), mode='loss'))
    total.backward()
    assert all(torch.isfinite(value).all() for value in losses.values())
    model.eval()
    with torch.no_grad():
        found = model.forward(inputs, data['data_samples'], mode='predict')
        tensors = model.forward(inputs, mode='tensor')
    assert [one.pred_sem_seg.shape for one in found] == [(80, 64)] * 2
    assert tensors.shape[0] == 2
    assert (model.num_classes, model.out_channels) in ((2, 1), (2, 2))


def train_batch(cfg, model):
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    items = [dataset[index] for index in range(2)]
    return model.data_preprocessor({key: [item[key] for item in items] for key in items[0]}, True)


def test_init_model_and_inference_model(cfg, prepared, tmp_path):
    checkpoint = tmp_path / 'model.pth'
    meta = {'dataset_meta': {'classes': ('background', 'lesion'), 'palette': [[0] * 3, [9] * 3]}}
    torch.save({'state_dict': MODELS.build(cfg.model).state_dict(), 'meta': meta}, checkpoint)
    model = init_model(cfg, str(checkpoint), device='cpu')
    assert not model.training
    image = str(prepared / 'images' / '7.png')
    if cfg.model.type == 'SAMSegmentor':  # it is told where to look, which a file alone does not
        with pytest.raises(MammoError, match='no true mask to take prompts from'):
            inference_model(model, image)
        return
    found, also = inference_model(model, [image, str(prepared / 'images' / '6.png')])
    assert found.pred_sem_seg.shape == also.pred_sem_seg.shape == (80, 64)
    assert 'gt_sem_seg' not in found
    normal = model.test_step({key: value[1:] for key, value in batch(cfg).items()})[0]
    torch.testing.assert_close(found.seg_logits.data, normal.seg_logits.data)


@pytest.fixture
def served(request, prepared, tmp_path):
    """A model by ``init_model``, about half of whose pixels are lesion."""
    cfg = shrink(request.param, prepared, tmp_path)
    torch.manual_seed(3)
    built = MODELS.build(cfg.model)
    halve(built, DATASETS.build(cfg.test_dataloader.dataset)[0])
    meta = {'dataset_meta': {'classes': ('background', 'lesion'), 'palette': [[0] * 3, [9] * 3]}}
    torch.save({'state_dict': built.state_dict(), 'meta': meta}, tmp_path / 'served.pth')
    cfg.dump(tmp_path / 'served.py')
    return init_model(str(tmp_path / 'served.py'), str(tmp_path / 'served.pth'), device='cpu')


@pytest.fixture
def pictures(save_dicom, tmp_path):
    """Files of 8 and of 16 bits, and a DICOM file of 12 with a window."""
    levels = np.random.default_rng(0).integers(0, 4096, (80, 64)).astype(np.uint16)
    write_png(tmp_path / '8.png', (levels >> 4).astype(np.uint8))
    write_png(tmp_path / '16.png', levels * 13)
    window = dict(BitsStored=12, WindowCenter=1500, WindowWidth=2000)
    return [tmp_path / '8.png', tmp_path / '16.png', save_dicom(levels, **window)]


@pytest.mark.parametrize('served', KINDS[:2], indirect=True)
def test_arrays_give_the_host_bit_for_bit_what_paths_give(served, pictures):
    """The host renames the first step for arrays, for good, so that paths go first."""
    paths = list(map(str, pictures))
    arrays = [read_image(path) for path in pictures]
    assert [array.dtype for array in arrays] == [np.uint8, np.uint16, np.uint16]
    channels = [np.dstack([array] * 3) for array in arrays]
    alone = [inference_model(served, path) for path in paths]
    together = inference_model(served, paths)  # a convolution of several may round differently
    for _ in range(2):
        found = [inference_model(served, array) for array in arrays]
        listed = inference_model(served, channels)
        for one, other in zip([*alone, *together], [*found, *listed], strict=True):
            assert torch.equal(one.pred_sem_seg.data, other.pred_sem_seg.data)
            assert torch.equal(one.seg_logits.data, other.seg_logits.data)
            assert 0 < one.pred_sem_seg.data.sum() < 80 * 64
    assert 0 < one.seg_logits.data.min() < one.seg_logits.data.max() < 1  # probabilities already
    with pytest.raises(DataFileError, match='an array: an image with colours'):
        inference_model(served, np.dstack([arrays[0], arrays[0], arrays[0] // 2]))


@pytest.mark.parametrize('served', KINDS[:1], indirect=True)
def test_a_windowless_dicom_is_read_from_a_path_and_not_from_an_array(served, pictures):
    """The host hands the settings of the first step on to its own loader, which has no ``voi``."""
    served.cfg.test_pipeline[0].voi = False
    (path,) = (str(one) for one in pictures if one.suffix == '.dcm')
    plain = inference_model(served, path)
    with pytest.raises(TypeError, match='voi'):
        inference_model(served, read_image(pictures[2], voi=False))
    del served.cfg.test_pipeline[0]['voi']
    same = inference_model(served, read_image(pictures[2], voi=False))
    assert torch.equal(plain.seg_logits.data, same.seg_logits.data)


def test_the_hosts_benchmark_tool_and_analysis(cfg, tmp_path, monkeypatch):
    cfg.test_dataloader.dataset.update(split='train')
    cfg.dump(tmp_path / 'cfg.py')
    arguments = [tmp_path / 'cfg.py', tmp_path / 'none.pth', '--work-dir', tmp_path / 'fps']
    monkeypatch.setattr(sys, 'argv', ['benchmark.py', *map(str, arguments)])
    with np.errstate(all='ignore'):  # four images are fewer than its warm-up
        runpy.run_path(str(TOOLS / 'analysis_tools' / 'benchmark.py'), run_name='__main__')
    assert list((tmp_path / 'fps').glob('fps_*.json'))
    model = MODELS.build(cfg.model).eval()
    found = get_model_complexity_info(model, (3, 32, 32), show_table=False, show_arch=False)
    assert found['flops'] > 0
    assert found['params'] == sum(p.numel() for p in model.parameters())


def test_the_hosts_wrappers_of_data_sets(prepared, tmp_path):
    cfg = shrink('unet_cbis', prepared, tmp_path)
    one = DATASETS.build(cfg.test_dataloader.dataset)
    other = DATASETS.build({**cfg.test_dataloader.dataset, 'split': 'val'})
    repeated, joined = RepeatDataset(one, 3), ConcatDataset([one, other])
    assert (len(repeated), len(joined)) == (6, 4)
    assert torch.equal(repeated[3]['inputs'], one[1]['inputs'])
    assert joined[2]['data_samples'].img_path == other[0]['data_samples'].img_path
    assert joined.metainfo['classes'] == ('background', 'lesion')


STEPS = {
    'resize': [dict(type='Resize', scale=(40, 48), keep_ratio=True)],
    'random resize': [dict(type='RandomResize', scale=(40, 48), ratio_range=(0.8, 1.2))],
    'to a multiple': [dict(type='ResizeToMultiple', size_divisor=32)],
    'shortest edge': [dict(type='ResizeShortestEdge', scale=40, max_size=100)],
    'crop': [dict(type='RandomCrop', crop_size=(33, 30), cat_max_ratio=0.9)],
    'flip': [dict(type='RandomFlip', prob=1.0, direction='vertical')],
    'rotate': [dict(type='RandomRotate', prob=1.0, degree=30, seg_pad_val=0)],
    'rotate and flip': [dict(type='RandomRotFlip', rotate_prob=1.0, flip_prob=1.0)],
    'cut out': [dict(type='RandomCutOut', prob=1.0, n_holes=1, cutout_ratio=(0.2, 0.2))],
}


@pytest.mark.parametrize('name', STEPS)
def test_the_hosts_steps_keep_16_bits_and_labels(name, prepared):
    """Every step: levels between those of 8 bits survive, the mask moves along and stays 0 and 1."""
    item = DATASETS.build(
        dict(type='MammographyDataset', data_root=str(prepared), pipeline=[])
    ).get_data_info(0)
    load = [dict(type='LoadMammogram'), dict(type='LoadLesionMask')]
    np.random.seed(2)
    out = Compose([*load, *STEPS[name]])(item)
    assert out['img'].dtype == np.uint16
    assert len(np.unique(out['img'] >> 8)) < len(np.unique(out['img']))
    assert set(np.unique(out['gt_seg_map'])) == {0, 1}
    assert out['gt_seg_map'].shape == out['img'].shape[:2]
    lesion = out['gt_seg_map'] > 0
    assert out['img'][lesion, 0].mean() > out['img'][~lesion, 0].mean()  # bright, as it was made
    assert Compose([dict(type='PackMammogram')])(out)['inputs'].max() > 200


def test_labels_are_those_of_the_hosts_loader_where_it_can_read_them(prepared):
    """It keeps values: masks of 0 and 1 are the same, those of 0 and 255 all 'ignored'."""
    item = DATASETS.build(
        dict(type='MammographyDataset', data_root=str(prepared), pipeline=[])
    ).get_data_info(0)
    ours = Compose([dict(type='LoadMammogram'), dict(type='LoadLesionMask')])(dict(item))
    item['seg_fields'] = []
    theirs = Compose([dict(type='LoadAnnotations')])(dict(item))
    assert np.array_equal(theirs['gt_seg_map'] == 255, ours['gt_seg_map'] == 1)


# Not FocalLoss: mmseg's is for GPUs, on CPUs its shapes do not fit.
LOSSES = {
    'Dice': dict(type='DiceLoss', use_sigmoid=False),
    'Tversky': dict(type='TverskyLoss'),
    'Lovász': dict(type='LovaszLoss', reduction='none'),
    'cross entropy': dict(type='CrossEntropyLoss', class_weight=[1.0, 5.0]),
}


@pytest.mark.parametrize('name', LOSSES)
@pytest.mark.parametrize('kind', KINDS[:2])
def test_the_hosts_losses_train_our_heads_with_two_channels(kind, name, prepared, tmp_path):
    cfg = shrink(kind, prepared, tmp_path)
    cfg.model.decode_head.update(out_channels=2, threshold=None)
    cfg.model.decode_head.loss_decode = LOSSES[name]
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).train()
    data = train_batch(cfg, model)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 3e-3)
    seen = []
    for _ in range(6):
        total, _ = model.parse_losses(model.forward(**data, mode='loss'))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        seen.append(total.item())
    assert np.isfinite(seen).all()
    assert seen[-1] < seen[0]


def test_the_hosts_metric_counts_the_same_pixels(cfg):
    """IoUMetric sums over images, ours does not: from the pixels of our records the same IoU."""
    torch.manual_seed(1)
    model = MODELS.build(cfg.model).eval()
    samples = [one.to_dict() for one in model.test_step(batch(cfg, 4, 'train'))]
    theirs, ours = IoUMetric(iou_metrics=['mIoU', 'mDice']), MammographyMetric()
    theirs.dataset_meta = {'classes': ('background', 'lesion')}
    for metric in (theirs, ours):
        metric.process(None, samples)
    counted = [[float(part[1]) for part in one] for one in theirs.results]
    ours.evaluate(4)
    for (shared, union, predicted, truth), record in zip(counted, ours.records, strict=True):
        assert shared == record['intersection_pixels']
        assert (predicted, truth) == (record['predicted_pixels'], record['truth_pixels'])
        assert union == predicted + truth - shared


def test_label_images_need_no_truth(prepared, tmp_path):
    """format_only, as of IoUMetric: the test split and the image in it that nobody annotated."""
    cfg = shrink('unet_cbis', prepared, tmp_path)
    torch.save({'state_dict': MODELS.build(cfg.model).state_dict()}, tmp_path / 'model.pth')
    dataset = cfg.test_dataloader.dataset
    dataset.pipeline = [step for step in dataset.pipeline if step.type != 'LoadLesionMask']
    dataset.annotated_only = False
    cfg.test_evaluator.update(format_only=True, output_dir=str(tmp_path / 'labels'))
    cfg.load_from = str(tmp_path / 'model.pth')
    assert Runner.from_cfg(cfg).test() == {}
    found = sorted(path.name for path in (tmp_path / 'labels').iterdir())
    assert found == ['6.png', '7.png', '8.png']

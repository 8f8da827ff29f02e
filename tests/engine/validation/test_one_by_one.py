"""Loops that go image by image give what mmengine's loops give."""

import gc
import weakref

import pytest
import torch
from experiments import shrink
from mmengine.registry import MODEL_WRAPPERS, init_default_scope
from mmengine.runner import Runner, TestLoop, ValLoop
from mmengine.structures import PixelData
from mmseg.models import SegTTAModel
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_mammo.engine.runner import build
from mmseg_mammo.engine.validation.one_by_one import (
    OneByOneTestLoop,
    OneByOneValLoop,
    in_place_of,
    one_by_one_model,
    predict_step,
    process_each,
    truth_stays,
)
from mmseg_mammo.models.input_grid import InputGrid
from mmseg_mammo.models.one_by_one import OneByOne

NAMES = ['unet_cbis', 'setr_pup_vpt_strong_cbis', 'sam_finetune_cbis']


def seen(name, data, folder, split, kind):
    """Metrics, records and rows of lesions of a run over all images in batches of three."""
    cfg = shrink(name, data, folder)
    cfg.randomness = dict(seed=0)
    cfg[f'{split}_dataloader'].batch_size = 3
    cfg[f'{split}_dataloader'].dataset.split = 'train'
    cfg[f'{split}_cfg'] = dict(type=kind)
    cfg[f'{split}_evaluator'].update(lesions=True)
    runner = Runner.from_cfg(cfg)
    metrics = getattr(runner, split)()
    loop = getattr(runner, f'{split}_loop')
    metric = loop.evaluator.metrics[0]
    return type(loop), str((metrics, metric.records, metric.lesion_rows))


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize(
    ('split', 'kind', 'own'),
    [('val', ValLoop, OneByOneValLoop), ('test', TestLoop, OneByOneTestLoop)],
)
def test_every_number_is_that_of_mmengines_loop(name, split, kind, own, prepared, tmp_path):
    loop, found = seen(name, prepared, tmp_path / 'a', split, own.__name__)
    stock, wanted = seen(name, prepared, tmp_path / 'b', split, kind.__name__)
    assert (loop, stock) == (own, kind)
    assert found == wanted


def test_logits_of_one_image_at_a_time_are_on_the_grid_of_its_original(
    prepared, tmp_path, monkeypatch
):
    alive, most = weakref.WeakSet(), []
    postprocess = InputGrid.postprocess_result

    def watched(self, seg_logits, data_samples=None):
        gc.collect()
        most.append(len(alive))
        found = postprocess(self, seg_logits, data_samples)
        alive.update(sample.seg_logits for sample in found)
        return found

    monkeypatch.setattr(InputGrid, 'postprocess_result', watched)
    for kind, expected in (('OneByOneTestLoop', 1), ('TestLoop', 2)):
        most.clear()
        alive.clear()
        seen('unet_cbis', prepared, tmp_path / kind, 'test', kind)
        assert (max(most) > 1) == (expected > 1), kind


def test_the_tools_put_them_in_the_place_of_mmengines(prepared, tmp_path):
    cfg = shrink('unet_cbis', prepared, tmp_path)
    assert cfg.test_cfg == dict(type='TestLoop')
    assert type(build(cfg).test_loop) is OneByOneTestLoop
    assert cfg.test_cfg == dict(type='TestLoop')  # what is stored stays


@pytest.mark.parametrize(
    ('loop', 'expected'),
    [
        (dict(type='ValLoop', fp16=True), dict(type='OneByOneValLoop', fp16=True)),
        (dict(type='TestLoop'), dict(type='OneByOneTestLoop')),
        (dict(type='LossValLoop'), dict(type='LossValLoop')),
        (dict(), dict()),
        (None, None),
    ],
)
def test_other_loops_stay(loop, expected):
    assert in_place_of(loop) == expected


def test_a_true_mask_does_not_move_and_the_batch_is_not_changed():
    truth = PixelData(data=torch.ones(1, 4, 4))
    sample = SegDataSample(gt_sem_seg=truth, metainfo={'img_path': 'a.png'})
    sample.pred_sem_seg = PixelData(data=torch.ones(1, 4, 4))
    batch = {'inputs': [torch.ones(3, 4, 4)], 'data_samples': [sample]}
    (moved,) = (one.to('meta') for one in truth_stays(batch)['data_samples'])
    assert moved.gt_sem_seg.data.device.type == 'cpu'
    assert moved.pred_sem_seg.data.device.type == 'meta'
    assert moved.img_path == 'a.png'
    assert sample.gt_sem_seg is truth
    for other in (None, {'inputs': []}, {'inputs': [], 'data_samples': []}):
        assert truth_stays(other) is other


class Wrong(nn.Module):
    """Another model: its predictions are a list."""

    def val_step(self, data):
        return list(data['inputs'])


class Evaluator:
    def __init__(self):
        self.calls = []

    def process(self, data_samples, data_batch):
        self.calls.append((len(data_samples), len(data_batch['inputs'])))
        self.batch = data_batch


def test_a_metric_gets_the_part_of_the_batch_that_belongs_to_a_prediction():
    of_all = {'scale': torch.tensor(2.0), 'source': 'ab', 'more': {'a': 1}, 'odd': [1, 2, 3]}
    evaluator = Evaluator()
    batch = {'inputs': torch.ones(2, 3, 4, 4), 'data_samples': [1, 2], **of_all}
    process_each(evaluator, predict_step(Wrong(), 'val_step', batch), batch)
    assert evaluator.calls == [(2, 2)]
    outputs = OneByOne([SegDataSample(), SegDataSample()], lambda index, sample: None)
    process_each(evaluator, outputs, batch)
    assert evaluator.calls[1:] == [(1, 1), (1, 1)]
    assert evaluator.batch['data_samples'] == [2]
    assert {name: evaluator.batch[name] for name in of_all} == of_all  # a user's collate may add it


def test_a_model_is_found_inside_its_wrappers(prepared, tmp_path):
    init_default_scope('mmseg')
    model = Runner.from_cfg(shrink('unet_cbis', prepared, tmp_path)).model
    wrapped = MODEL_WRAPPERS.build(dict(type='DataParallel', module=model))
    assert one_by_one_model(wrapped) is model


def test_test_time_augmentation_sees_whole_batches(prepared, tmp_path):
    init_default_scope('mmseg')
    model = Runner.from_cfg(shrink('setr_pup_vpt_cbis', prepared, tmp_path)).model
    assert one_by_one_model(model) is model
    assert one_by_one_model(SegTTAModel(module=model)) is None

"""Test-time augmentation by MMSegmentation's own model, as its tools/test.py --tta builds it."""

import csv
import json

import numpy as np
import pytest
import torch
from experiments import shrink
from mmengine.runner import Runner
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_mammo.engine.config.test_output import use_test_output
from mmseg_mammo.engine.tta import check_merging, mean_presence, merged_mask
from mmseg_mammo.errors import CheckpointError, MammoError

TTA = [
    dict(type='LoadMammogram', intensity='minmax'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale=(32, 32), keep_ratio=False)],
            [dict(type='RandomFlip', prob=p, direction='horizontal') for p in (0.0, 1.0)],
            [dict(type='MammoCLAHE', clip_limit=2.0, tile_grid_size=(8, 8))],
            [dict(type='LoadLesionMask')],
            [dict(type='PackMammogram')],
        ],
    ),
]


def augmented(data, folder, channels=2, name='unet_cbis'):
    """The config of a test, with and without test-time augmentation."""
    plain = shrink(name, data, folder / 'plain')
    if channels == 2:
        plain.model.decode_head.update(out_channels=2, threshold=None)
    cfg = shrink(name, data, folder / 'tta')
    cfg.test_dataloader.dataset.pipeline = TTA
    cfg.model = dict(type='SegTTAModel', module=plain.model)
    return plain, cfg


def checkpoint_of(cfg, path, **changes):
    torch.manual_seed(3)
    state = MODELS.build(cfg.model).state_dict()
    for tensor in (value for key, value in state.items() if key.endswith('conv_seg.weight')):
        tensor *= 300  # far from one half, on both sides
    meta = {'cfg': cfg.pretty_text, 'clahe_levels': 256}
    torch.save({'state_dict': {**state, **changes}, 'meta': meta}, path)
    return str(path)


def test_two_channels_are_merged_and_measured_by_their_mean_probability(prepared, tmp_path):
    plain, cfg = augmented(prepared, tmp_path)
    cfg.load_from = checkpoint_of(plain, tmp_path / 'model.pth')
    Runner.from_cfg(cfg).test()
    (table,) = (tmp_path / 'tta').glob('*/per_image_test.csv')
    found = list(csv.DictReader(table.open()))
    written = json.loads(table.with_name('test.json').read_text())
    assert written['input_differs_from_training'] == []
    assert len(found) == 2
    plain.load_from = cfg.load_from
    runner = Runner.from_cfg(plain)
    runner.load_or_resume()
    model = runner.model.eval()
    for item, row in zip(runner.test_dataloader.dataset, found, strict=True):
        image = item['inputs'][None]
        by_hand = []
        for flipped in (False, True):
            inputs = image.flip(-1) if flipped else image
            sample = item['data_samples'].clone()
            (out,) = model.test_step({'inputs': [inputs[0]], 'data_samples': [sample]})
            one = out.seg_logits.data.softmax(0)[1]
            by_hand.append(one.flip(-1) if flipped else one)
        mean = torch.stack(by_hand).mean(0)
        assert float(row['max_probability']) == pytest.approx(float(mean.max()), rel=1e-3)
        differ = abs(int(row['predicted_pixels']) - int((mean > 0.5).sum()))
        # CLAHE of a flipped image is not quite the flipped CLAHE.
        assert differ <= 0.05 * mean.numel()
    assert any(int(row['predicted_pixels']) > 0 for row in found)
    assert np.isfinite([float(row['dice']) for row in found]).all()


def test_merged_masks_are_cut_at_the_threshold_of_the_model(prepared, tmp_path):
    plain, cfg = augmented(prepared, tmp_path)
    cfg.load_from = checkpoint_of(plain, tmp_path / 'model.pth')
    use_test_output(cfg, threshold=0.9, breast_only=True)
    Runner.from_cfg(cfg).test()  # the metric compares masks with its own threshold
    mean = torch.tensor([[[0.2, 0.4]], [[0.8, 0.6]]])
    assert merged_mask(mean, None).tolist() == [[[1, 1]]]
    assert merged_mask(mean, 0.7).tolist() == [[[1, 0]]]


def test_one_channel_is_refused_because_of_the_second_sigmoid(prepared, tmp_path):
    plain, cfg = augmented(prepared, tmp_path, channels=1)
    cfg.load_from = checkpoint_of(plain, tmp_path / 'model.pth')
    with pytest.raises(MammoError, match=r'pass through the sigmoid twice.*mammoseg predict --tta'):
        Runner.from_cfg(cfg).test()


def test_the_guard_still_refuses_a_foreign_checkpoint(prepared, tmp_path):
    plain, cfg = augmented(prepared, tmp_path)
    cfg.load_from = checkpoint_of(plain, tmp_path / 'model.pth', more=torch.zeros(1))
    with pytest.raises(CheckpointError, match='1 tensors of it are not in the model, such as more'):
        Runner.from_cfg(cfg).test()


def test_merged_images_are_closed_by_the_mean_of_the_presence_of_their_copies():
    settings = shrink('unet_absence_cbis', 'data', 'work').model
    settings.decode_head.update(out_channels=2, threshold=None)
    settings.decode_head.loss_decode = dict(type='CrossEntropyLoss')
    settings.test_output = dict(presence_threshold=0.5, presence_scale=2.0, presence_bias=0.2)
    model = MODELS.build(dict(type='SegTTAModel', module=settings))
    check_merging(model)

    def copies(*logits):
        found = []
        for logit in logits:
            one = SegDataSample(metainfo=dict(img_path='a.png'))
            one.seg_logits = PixelData(data=torch.tensor([[[0.0]], [[3.0]]]))
            one.pred_sem_seg = PixelData(data=torch.ones(1, 1, 1))
            model.module.test_output.gate(one, logit)
            found.append(one)
        return found

    first, second = model.merge_preds([copies(1.0, -1.5), copies(-1.0, 1.5)])
    assert (first.presence_logit, second.presence_logit) == (-0.25, 0.25)
    assert second.presence == pytest.approx(1 / (1 + np.exp(-0.7)))
    assert (first.closed, second.closed) == (True, False)
    assert (int(first.pred_sem_seg.data), int(second.pred_sem_seg.data)) == (0, 1)
    assert first.seg_logits.data[1].exp().item() == pytest.approx(1 / (1 + np.exp(-3.0)))
    assert mean_presence([SegDataSample()]) is None

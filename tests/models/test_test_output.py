"""Threshold, temperature and ``breast_only``: what a trained model's logits become."""

import copy
import math

import cv2
import numpy as np
import pytest
import torch
from experiments import shrink
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from sam_models import SIDE, meta_sam, our_sam, sample_of, square

from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.breast import find_breast
from mmseg_mammo.evaluation.grids import lesion_probability
from mmseg_mammo.evaluation.metric import MammographyMetric
from mmseg_mammo.models.input_grid import InputGrid
from mmseg_mammo.models.test_output import (
    OF_PRESENCE,
    clear_outside,
    input_breast,
    read_test_output,
)

BOTH = pytest.mark.parametrize('channels', [1, 2])


def built(channels=1, like=None, slide=False, **output):
    """A tiny U-Net of one or two channels, with the weights of another one."""
    config = copy.deepcopy(shrink('unet_cbis', 'data', 'work').model)
    config.decode_head.update(out_channels=channels, threshold=0.3 if channels == 1 else None)
    if output:
        config.test_output = output
    if slide:
        config.test_cfg = dict(mode='slide', crop_size=(16, 16), stride=(16, 16))
    torch.manual_seed(0)
    model = MODELS.build(config).eval()
    if like is None:
        torch.nn.init.normal_(model.decode_head.conv_seg.weight, std=20.0)
    else:
        model.load_state_dict(like.state_dict())
    return model


def half_lit(side=32):
    """A normalised input whose left half is breast: 3×S×S."""
    image = torch.full((side, side), 0.0)
    image[:, : side // 2] = 160 + 20 * torch.rand(
        side, side // 2, generator=torch.Generator().manual_seed(0)
    )
    return ((image - 127.5) / 127.5).expand(3, -1, -1)


def sample(shape=(50, 41), **facts):
    return SegDataSample(metainfo=dict(ori_shape=shape, img_shape=(32, 32), image='a', **facts))


def predict(model, images=None, **facts):
    images = torch.stack([half_lit(), half_lit()]) if images is None else images
    with torch.no_grad():
        return model.predict(images, [sample(**facts) for _ in images])


def scores_equal(one, other):
    return all(
        torch.equal(one.get(name).data, other.get(name).data)
        and one.get(name).data.dtype == other.get(name).data.dtype
        for name in ('seg_logits', 'pred_sem_seg', 'input_logits')
    )


@BOTH
def test_the_default_changes_nothing_to_the_bit(channels):
    plain = built(channels)
    given = built(channels, plain, threshold=None, temperature=1.0, breast_only=False)
    for one, other in zip(predict(plain), predict(given), strict=True):
        assert scores_equal(one, other)


@BOTH
def test_a_threshold_cuts_the_mask_again_and_nothing_else(channels):
    plain = built(channels)
    (free, _), (cut, _) = (predict(m) for m in (plain, built(channels, plain, threshold=0.8)))
    probability = lesion_probability(cut.seg_logits.data)
    assert torch.equal(cut.seg_logits.data, free.seg_logits.data)
    assert torch.equal(cut.pred_sem_seg.data[0] > 0, probability > 0.8)
    assert cut.pred_sem_seg.data.dtype == free.pred_sem_seg.data.dtype
    assert 0 < cut.pred_sem_seg.data.sum() < free.pred_sem_seg.data.sum()


@BOTH
def test_a_temperature_divides_logits_on_both_grids(channels):
    plain = built(channels)
    (free, _), (warm, _) = (predict(m) for m in (plain, built(channels, plain, temperature=2.0)))
    for name in ('seg_logits', 'input_logits'):
        before, after = (torch.logit(lesion_probability(s.get(name).data)) for s in (free, warm))
        sure = before.abs() < 8  # a float32 near 1 has no logit
        assert torch.allclose(after[sure], before[sure] / 2, atol=1e-3)


@BOTH
@pytest.mark.parametrize('slide', [False, True])
def test_breast_only_clears_the_outside_on_every_grid(channels, slide):
    plain = built(channels, slide=slide)
    kept = built(channels, plain, slide=slide, breast_only=True, threshold=0.4)
    free, cleared = predict(plain), predict(kept)
    breast = find_breast((half_lit()[0] * 127.5 + 127.5).numpy())
    assert 0 < breast.mean() < 1
    for before, after in zip(free, cleared, strict=True):
        for name in ('seg_logits', 'input_logits'):
            one, other = (lesion_probability(s.get(name).data) for s in (before, after))
            size = one.shape[::-1]
            inside = torch.from_numpy(cv2.resize(breast.astype(np.float32), size) > 0.5)
            assert torch.equal(one[inside], other[inside])
            assert (other[~inside] == 0).all()
            assert (one[~inside] > 0).any()
            assert torch.isfinite(after.get(name).data).all()
        mask = after.pred_sem_seg.data[0] > 0
        assert torch.equal(mask, lesion_probability(after.seg_logits.data) > 0.4)


def test_without_a_threshold_the_mask_loses_what_lies_outside():
    for channels in (1, 2):
        plain = built(channels)
        (free, _), (cleared, _) = (
            predict(m) for m in (plain, built(channels, plain, breast_only=True))
        )
        before, after = (one.pred_sem_seg.data for one in (free, cleared))
        assert before.dtype == after.dtype
        assert 0 < after.sum() < before.sum()
        assert (after <= before).all()


def test_predictions_without_samples_follow_too():
    model = built(2, breast_only=True)
    with torch.no_grad():
        (found,) = model.predict(half_lit()[None])
    assert (lesion_probability(found.seg_logits.data)[:, -4:] == 0).all()


def test_padding_and_flips_are_taken_off_before_the_breast_is_looked_for():
    image = half_lit() * 127.5 + 127.5
    plain = input_breast(image, sample())
    padded = torch.nn.functional.pad(image, (0, 8, 0, 4), value=127.5)
    assert np.array_equal(input_breast(padded, sample(img_padding_size=[0, 8, 0, 4])), plain)
    for direction, axis in (('horizontal', 2), ('vertical', 1)):
        found = input_breast(image.flip(axis), sample(flip=True, flip_direction=direction))
        assert found.shape == plain.shape
        assert np.mean(found != plain) < 0.02


def test_logits_of_half_precision_stay_finite():
    one = sample()
    one.seg_logits = PixelData(data=torch.zeros(2, 8, 8, dtype=torch.float16))
    one.pred_sem_seg = PixelData(data=torch.ones(1, 8, 8, dtype=torch.int64))
    clear_outside(one, np.zeros((8, 8), bool))
    assert torch.isfinite(one.seg_logits.data).all()
    assert (lesion_probability(one.seg_logits.data) == 0).all()
    assert one.pred_sem_seg.data.sum() == 0


@BOTH
def test_the_metric_agrees_with_one_threshold(channels):
    model = built(channels, threshold=0.8, temperature=1.7, breast_only=True)
    found = predict(model)
    for one in found:
        one.gt_sem_seg = PixelData(data=torch.zeros(1, 50, 41))
        one.set_metainfo(dict(image=str(id(one))))
    for size in (None, 32, 40):
        metric = MammographyMetric(threshold=0.8, eval_size=size)
        metric.process(None, [one.to_dict() for one in found])
    with pytest.raises(MammoError, match='gives other masks'):
        MammographyMetric(threshold=0.2).process(None, [one.to_dict() for one in found])


def test_losses_and_raw_logits_do_not_follow():
    plain = built()
    other = built(1, plain, threshold=0.9, temperature=5.0, breast_only=True)
    images = half_lit()[None]
    with torch.no_grad():
        assert torch.equal(plain(images, mode='tensor'), other(images, mode='tensor'))


@pytest.mark.parametrize(
    'output', [{}, dict(threshold=0.7, temperature=3.0), dict(breast_only=True)]
)
def test_sams_mask_is_still_the_candidate_that_was_chosen(output):
    shape = (50, 41)
    weights = meta_sam()
    image = torch.full((1, 3, SIDE, SIDE), -2.1)
    image[..., : SIDE // 2] = (
        torch.rand(3, SIDE, SIDE // 2, generator=torch.Generator().manual_seed(0)) + 1
    )
    model = our_sam(weights, **({'test_output': output} if output else {}))
    with torch.no_grad():
        (found,) = model.predict(image, [sample_of(square(shape, 8, 10, 9), shape)])
    if output.get('breast_only'):
        assert (lesion_probability(found.seg_logits.data)[:, -4:] == 0).all()
        assert (found.candidates.data[..., -4:] < -100).all()
    for size in (None, SIDE):
        metric = MammographyMetric(eval_size=size, threshold=output.get('threshold', 0.5))
        metric.process(None, [found.to_dict()])
        metric.evaluate(1)
        (record,) = metric.records
        assert record[f'candidate_{record["chosen"]}_iou'] == record['iou']


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(threshold=1.5), r'test_output.threshold=1.5\. Allowed: a probability'),
        (dict(threshold=float('nan')), 'threshold=nan'),
        (dict(temperature=0), 'temperature=0'),
        (dict(temperature=float('inf')), 'temperature=inf'),
        (dict(presence_threshold=-0.1), 'test_output.presence_threshold=-0.1. Allowed: a prob'),
        (dict(presence_scale=-1.0), r'presence_scale=-1\.0\. Allowed: .* above 0'),
        (dict(presence_bias=float('nan')), 'presence_bias=nan. Allowed: a finite'),
        (5, 'test_output=5. Allowed: a dict of threshold, temp'),
        (dict(treshold=0.5), 'test_output.treshold: no such setting. Allowed: threshold, temp'),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, message):
    with pytest.raises(MammoError, match=message):
        read_test_output(settings)


def predicted(mask=1.0):
    one = sample()
    one.seg_logits = PixelData(data=torch.ones(1, 4, 4))
    one.pred_sem_seg = PixelData(data=torch.full((1, 4, 4), mask))
    return one


@pytest.mark.parametrize(
    ('settings', 'presence', 'closed'),
    [
        ({}, 1 / (1 + math.exp(-2.0)), False),
        (dict(presence_threshold=0.9), 1 / (1 + math.exp(-2.0)), True),
        (dict(presence_scale=0.5, presence_bias=-1.0), 0.5, False),
        # On the threshold is closed; of a pixel, too, only what is above is lesion.
        (dict(presence_scale=0.5, presence_bias=-1.0, presence_threshold=0.5), 0.5, True),
        (dict(presence_scale=0.5, presence_bias=-1.0, presence_threshold=0.4999), 0.5, False),
    ],
)
def test_presence_is_platts_and_up_to_its_threshold_the_mask_is_empty(settings, presence, closed):
    one = predicted()
    read_test_output(settings).gate(one, 2.0)
    assert one.presence == pytest.approx(presence, rel=1e-12)
    assert (one.presence_logit, one.closed) == (2.0, closed)
    assert one.pred_sem_seg.data.sum() == (0 if closed else 16)
    assert one.pred_sem_seg.data.dtype == torch.float32
    assert torch.equal(one.seg_logits.data, torch.ones(1, 4, 4))  # the evidence


def test_where_nothing_was_asked_for_presence_is_zero_and_the_image_closed():
    one = predicted()
    read_test_output({}).gate(one, -math.inf)
    assert (one.presence, one.closed, float(one.pred_sem_seg.data.sum())) == (0.0, True, 0.0)


def test_very_sure_logits_overflow_nowhere():
    output = read_test_output(dict(presence_scale=50.0))
    assert [output.presence(logit) for logit in (-1e4, 0.0, 1e4)] == [0.0, 0.5, 1.0]


@pytest.mark.parametrize(
    'settings', [dict(presence_threshold=0.0), dict(presence_scale=2.0), dict(presence_bias=1.0)]
)
def test_a_model_without_presence_refuses_its_settings(settings):
    assert not InputGrid.has_presence
    assert set(settings) <= set(OF_PRESENCE)
    with pytest.raises(MammoError, match=r'beside InputGridEncoderDecoder without presence.*_head'):
        built(**settings)
    built(presence_threshold=None, presence_scale=1.0, presence_bias=0.0)

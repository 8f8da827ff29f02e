"""Predictions that are made one by one are those of the whole batch, to the bit."""

import copy
import gc
import weakref

import pytest
import torch
from experiments import shrink
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from sam_models import SIDE, meta_sam, our_sam, sample_of, square

from mmseg_mammo.models.one_by_one import OneByOne, one_by_one, where
from mmseg_mammo.models.test_output import read_test_output

SHAPES = ((50, 40), (90, 64), (32, 32))


def encoder_decoder(name):
    init_default_scope('mmseg')
    torch.manual_seed(0)
    cfg = shrink(name, 'data', 'work')
    return MODELS.build(cfg.model).eval(), 32


def small_sam(_):
    return our_sam(meta_sam()).eval(), SIDE


def batch(model, side):
    """Inputs and samples with truth; the second is padded."""
    torch.manual_seed(1)
    samples = []
    for shape in SHAPES:
        sample = sample_of(square(shape, 10, 10), shape) if side == SIDE else SegDataSample()
        sample.set_metainfo(
            dict(
                ori_shape=shape,
                img_path=f'{shape}.png',
                image=f'{shape}.png',
                img_shape=(side, side),
            )
        )
        samples.append(sample)
    samples[1].set_metainfo(dict(img_padding_size=[0, side // 4, 0, 0]))
    return torch.randn(len(SHAPES), 3, side, side), samples


def contents(sample):
    """Fields as tensors, and the metainfo, of a prediction."""
    facts = {name: str(value) for name, value in sample.metainfo_items()}  # NaN equals itself
    return {name: value.data for name, value in sample.items()}, facts


@pytest.mark.parametrize('output', [{}, dict(temperature=2.0, threshold=0.3, breast_only=True)])
@pytest.mark.parametrize(
    ('make', 'name'),
    [
        (encoder_decoder, 'unet_cbis'),
        (encoder_decoder, 'setr_pup_vpt_strong_cbis'),
        (small_sam, ''),
    ],
)
def test_each_prediction_is_that_of_the_whole_batch(make, name, output):
    model, side = make(name)
    model.test_output = read_test_output(output)
    inputs, samples = batch(model, side)
    before = [sorted(sample.keys()) for sample in samples]
    with torch.no_grad(), one_by_one(model):
        found = model.predict(inputs, samples)
        assert isinstance(found, OneByOne)
        each = [contents(sample) for sample in found]
    assert [sorted(sample.keys()) for sample in samples] == before  # nothing was written there
    with torch.no_grad():
        whole = model.predict(inputs, samples)
    assert isinstance(whole, list)
    for (fields, facts), sample in zip(each, whole, strict=True):
        wanted, known = contents(sample)
        assert 'input_logits' in fields
        assert fields.keys() == wanted.keys()
        for key, value in wanted.items():
            assert torch.equal(fields[key], value), key
            assert fields[key].dtype == value.dtype
        assert facts == known


def numbered(count, log):
    """Samples whose prediction is their number."""

    def complete(index, sample):
        log.append(index)
        sample.set_field(index, 'found')

    return OneByOne([SegDataSample(metainfo=dict(n=i)) for i in range(count)], complete)


def test_one_prediction_is_in_memory_at_a_time_and_the_last_one_is_not_made_again():
    log = []
    outputs = numbered(3, log)
    first = weakref.ref(outputs[0])
    assert outputs[0] is outputs[0]
    assert log == [0]
    assert outputs[-1].found == 2
    gc.collect()
    assert first() is None
    assert [sample.found for sample in outputs] == [0, 1, 2]
    assert [sample.found for sample in outputs[1:]] == [1, 2]
    assert len(outputs) == 3
    with pytest.raises(IndexError):
        outputs[3]


def test_the_last_prediction_is_let_go_before_the_next_one_is_made():
    alive = weakref.WeakSet()

    def complete(index, sample):
        gc.collect()
        assert not alive
        alive.add(sample)

    outputs = OneByOne([SegDataSample() for _ in range(2)], complete)
    for index in range(len(outputs)):
        outputs[index]


def test_what_nobody_wants_is_not_predicted():
    log = []
    outputs = numbered(3, log)
    assert [sample.found for sample in where(outputs, lambda s: s.n == 1)] == [1]
    assert log == [1]
    plain = [copy.copy(sample) for sample in outputs]
    assert [sample.n for sample in where(plain, lambda s: s.n > 0)] == [1, 2]
    assert list(where(None, bool)) == []


def test_a_model_goes_back_to_lists_also_after_an_error():
    model, side = encoder_decoder('unet_cbis')
    with pytest.raises(ZeroDivisionError), one_by_one(model):
        raise ZeroDivisionError
    assert isinstance(model.predict(*batch(model, side)), list)

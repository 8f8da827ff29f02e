"""Fold segmentor: an image of a fold by its own member alone, any other by the mean of all."""

import copy

import pytest
import torch
from experiments import shrink
from mmengine.config import ConfigDict
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.grids import lesion_probability
from mmseg_mammo.models.folds.segmentor import FoldSegmentor, fold_key
from mmseg_mammo.models.one_by_one import OneByOne, one_by_one

SIDE, SHAPE = 32, (50, 40)
FOLDS = {fold_key('ours', 'a.png'): 1, fold_key('ours', 'b.png'): 3}


def member(name='unet_cbis', two=False):
    """Settings of a tiny model."""
    model = copy.deepcopy(shrink(name, 'nowhere', 'nowhere').model.to_dict())
    if two:
        model['decode_head'].update(out_channels=2, threshold=None)
    return model


def build(seed=0, folds=FOLDS, members=3, **settings):
    """A built model of three members with weights of their own, in eval mode."""
    torch.manual_seed(seed)
    own = settings.pop('member', None) or member()
    model = MODELS.build(
        dict(type='FoldSegmentor', member=own, members=members, folds=folds, **settings)
    )
    for one in model.members:
        for parameter in one.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
    return model.eval()


def batch(*names, source='ours', seed=1):
    """Raw inputs and samples of images of these names."""
    generator = torch.Generator().manual_seed(seed)
    inputs = [torch.randint(0, 255, (3, SIDE, SIDE), generator=generator).float() for _ in names]
    samples = []
    for name in names:
        meta = dict(image=name, source=source, ori_shape=SHAPE, img_shape=(SIDE, SIDE))
        samples.append(SegDataSample(metainfo=meta))
    return {'inputs': inputs, 'data_samples': samples}


def probabilities(model, data):
    return [lesion_probability(s.seg_logits.data) for s in model.test_step(copy.deepcopy(data))]


@pytest.mark.parametrize('two', [False, True])
def test_an_image_of_a_fold_is_predicted_by_its_own_member_alone(two):
    model = build(member=member(two=two))
    data = batch('a.png', 'b.png')
    alone = [probabilities(one, data) for one in model.members]
    found = probabilities(model, data)
    assert torch.allclose(found[0], alone[0][0], atol=1e-5)
    assert torch.allclose(found[1], alone[2][1], atol=1e-5)
    assert not torch.allclose(found[0], alone[1][0], atol=1e-2)


def test_any_other_image_is_predicted_by_the_mean_of_all_on_the_grid_of_the_network():
    model = build()
    for data in (batch('c.png'), batch('a.png', source='theirs')):
        alone = [one.test_step(copy.deepcopy(data))[0].input_logits.data for one in model.members]
        mean = torch.stack([lesion_probability(each) for each in alone]).mean(dim=0)
        [sample] = model.test_step(copy.deepcopy(data))
        assert sample.metainfo['fold'] is None
        assert torch.allclose(lesion_probability(sample.input_logits.data), mean, atol=1e-5)
        assert sample.seg_logits.data.shape == (2, *SHAPE)


def test_flips_are_those_of_each_member():
    own = ConfigDict({**member(), 'test_output': {'flips': True}})
    plain, turned = build(), build(test_output={'flips': True})
    turned.load_state_dict(plain.state_dict())
    alone = MODELS.build(own).eval()
    alone.load_state_dict(plain.members[0].state_dict())
    data = batch('a.png')
    [expected], [found] = probabilities(alone, data), probabilities(turned, data)
    assert torch.allclose(found, expected, atol=1e-5)
    assert not torch.allclose(found, probabilities(plain, data)[0], atol=1e-4)
    inputs = torch.stack(data['inputs'])
    with torch.no_grad():  # what the networks say of the image alone
        assert torch.equal(turned(inputs, mode='tensor'), plain(inputs, mode='tensor'))


def test_a_mixed_batch_is_what_each_image_is_alone():
    model = build()
    names = ('a.png', 'c.png', 'b.png', 'd.png')
    data = batch(*names)
    together = model.test_step(copy.deepcopy(data))
    assert [sample.metainfo['fold'] for sample in together] == [1, None, 3, None]
    for place, sample in enumerate(together):
        one = {key: [copy.deepcopy(value[place])] for key, value in data.items()}
        [alone] = model.test_step(one)
        assert torch.allclose(alone.seg_logits.data, sample.seg_logits.data, atol=1e-5)


def test_predictions_are_made_one_by_one_too():
    model = build()
    data = batch('a.png', 'c.png')
    expected = model.test_step(copy.deepcopy(data))
    with one_by_one(model):
        found = model.test_step(copy.deepcopy(data))
        assert isinstance(found, OneByOne)
        assert [s.metainfo['fold'] for s in found] == [1, None]
        for one, other in zip(found, expected, strict=True):
            assert torch.equal(one.seg_logits.data, other.seg_logits.data)


def test_the_threshold_is_that_of_the_members_unless_there_is_another():
    one = member()
    assert build().test_output.threshold == one['decode_head']['threshold']
    assert build(member=member(two=True)).test_output.threshold == 0.5
    model = build(test_output=dict(threshold=0.9, temperature=2.0))
    sample = model.test_step(batch('a.png'))[0]
    probability = lesion_probability(sample.seg_logits.data)
    assert torch.equal(sample.pred_sem_seg.data[0] > 0, probability > 0.9)
    warm = lesion_probability(build().test_step(batch('a.png'))[0].seg_logits.data)
    middle = abs(probability - 0.5).mean()
    assert middle < abs(warm - 0.5).mean()


def test_presence_is_that_of_the_own_member_or_the_mean():
    model = build(member=member('absence/unet_absence_cbis'))
    assert model.has_presence
    data = batch('b.png', 'c.png')
    alone = [
        [s.metainfo['presence'] for s in one.test_step(copy.deepcopy(data))]
        for one in model.members
    ]
    found = [s.metainfo['presence'] for s in model.test_step(copy.deepcopy(data))]
    assert found[0] == pytest.approx(alone[2][0], abs=1e-5)
    assert found[1] == pytest.approx(sum(each[1] for each in alone) / 3, abs=1e-5)


def test_a_key_tells_images_and_sources_apart_and_names_no_file():
    keys = {fold_key('ours', 'a.png'), fold_key('ours', 'b.png'), fold_key('theirs', 'a.png')}
    assert len(keys) == 3
    assert all(len(key) == 16 and 'a.png' not in key for key in keys)


@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        (dict(members=1), 'model.members=1'),
        (dict(folds={'x': 4}), r'folds \[4\]'),
        (dict(data_preprocessor=dict(type='SegDataPreProcessor')), 'data_preprocessor differs'),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, said):
    own = dict(member=member(), members=3, folds={})
    with pytest.raises(MammoError, match=said):
        FoldSegmentor(**{**own, **settings})


def test_it_trains_nothing():
    with pytest.raises(MammoError, match='trains nothing itself'):
        build().loss(torch.zeros(1, 3, SIDE, SIDE), [])


def test_without_samples_it_predicts_the_mean():
    model = build()
    inputs = torch.rand(2, 3, SIDE, SIDE)
    logits = model(inputs, mode='tensor')
    assert logits.shape == (2, 2, SIDE, SIDE)
    found = model.predict(inputs)
    assert torch.allclose(found[0].seg_logits.data, logits[0], atol=1e-5)

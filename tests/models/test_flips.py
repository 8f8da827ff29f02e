"""Flips: the mean of what a network says of an image and of its mirror images."""

import copy

import pytest
import torch
from experiments import shrink
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from sam_models import our_config

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.flips import mean_over_flips

SIDE = 32


def built(name='unet_cbis', presence=False, **output):
    config = copy.deepcopy(shrink(name, 'nowhere', 'nowhere').model)
    if presence:
        config.presence_head = copy.deepcopy(
            shrink('absence/unet_absence_cbis', 'nowhere', 'nowhere').model.presence_head
        )
    if output:
        config.test_output = output
    torch.manual_seed(0)
    return MODELS.build(config).eval()


def images():
    return torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))


def sample():
    return SegDataSample(metainfo=dict(ori_shape=(50, 40), img_shape=(SIDE, SIDE), image='a'))


def test_the_mean_of_four_turned_back_by_hand():
    picture = torch.tensor([[1.0, 2.0], [3.0, 5.0]]).reshape(1, 1, 2, 2)
    corner = torch.tensor([[1.0, 0.0], [0.0, 0.0]])  # what a network says that looks there alone
    found = mean_over_flips(lambda x: x * corner, picture)
    assert torch.equal(found, picture / 4)


def test_a_network_that_knows_no_sides_says_what_it_said():
    picture = images()
    assert torch.allclose(mean_over_flips(torch.sin, picture), torch.sin(picture), atol=1e-6)


@pytest.mark.parametrize('name', ['unet_cbis', 'setr_pup_vpt_cbis'])
def test_predictions_are_the_mean_of_four(name):
    plain, turned = built(name), built(name, flips=True)
    turned.load_state_dict(plain.state_dict())
    metas = [sample().metainfo] * 2
    with torch.no_grad():
        logits = [plain.inference(images(), metas)]
        for axes in ((2,), (3,), (2, 3)):
            logits.append(plain.inference(images().flip(axes), metas).flip(axes))
        expected = torch.stack(logits).mean(dim=0).sigmoid()
        found = turned.predict(images(), [sample(), sample()])
        without = turned.predict(images())
    for index, one in enumerate(found):
        torch.testing.assert_close(one.input_logits.data, expected[index])
        torch.testing.assert_close(without[index].seg_logits.data, expected[index])
    assert not torch.allclose(expected, logits[0].sigmoid(), atol=1e-4)
    # A tensor is what the network says of the image alone.
    with torch.no_grad():
        assert torch.equal(turned(images(), mode='tensor'), plain(images(), mode='tensor'))


def test_presence_is_that_of_the_image_alone():
    plain, turned = built(presence=True), built(presence=True, flips=True)
    turned.load_state_dict(plain.state_dict())
    with torch.no_grad():
        one, other = (model.predict(images(), [sample(), sample()]) for model in (plain, turned))
    for first, second in zip(one, other, strict=True):
        assert first.metainfo['presence_logit'] == second.metainfo['presence_logit']
        assert not torch.equal(first.seg_logits.data, second.seg_logits.data)


def test_what_sees_prompts_refuses_them():
    with pytest.raises(MammoError, match=r'test_output.flips beside SAMSegmentor'):
        MODELS.build(our_config(test_output=dict(flips=True)))


def test_values_that_are_no_switch_are_refused():
    with pytest.raises(MammoError, match=r"test_output.flips='horizontal'.*True or False"):
        built(flips='horizontal')


def test_padding_stays_where_it_is():
    """A picture in a corner of its input is as the picture alone, if the network looks at pixels one by one."""
    picture = torch.randn(1, 3, 20, 12, generator=torch.Generator().manual_seed(2))
    padded = torch.nn.functional.pad(picture, (0, 4, 0, 4), value=7.0)
    corner = torch.zeros(20, 12)
    corner[0, 0] = 1.0
    alone = mean_over_flips(lambda x: x * corner, picture)
    found = mean_over_flips(
        lambda x: x * torch.nn.functional.pad(corner, (0, 4, 0, 4)), padded, [(20, 12)]
    )
    assert torch.equal(found[..., :20, :12], alone)


@pytest.mark.parametrize('presence', [False, True])
def test_the_metainfo_tells_where_the_picture_ends(presence):
    """As a model that sees the picture in each of its four positions, padded right and below each time."""
    plain, turned = built(presence=presence), built(presence=presence, flips=True)
    turned.load_state_dict(plain.state_dict())
    picture = images()[:1, :, :32, :16]

    def padded(x):
        return torch.nn.functional.pad(x, (0, 16, 0, 0))

    def meta():
        facts = dict(ori_shape=(32, 16), img_shape=(32, 16), pad_shape=(32, 32), image='a')
        return SegDataSample(metainfo={**facts, 'img_padding_size': [0, 16, 0, 0]})

    logits = []
    with torch.no_grad():
        for axes in ((), (2,), (3,), (2, 3)):
            found = plain.infer(padded(picture.flip(axes)), [meta().metainfo])[0][..., :16]
            logits.append(found.flip(axes))
        [found] = turned.predict(padded(picture), [meta()])
    expected = torch.stack(logits).mean(dim=0).sigmoid()[0]
    torch.testing.assert_close(found.input_logits.data, expected)

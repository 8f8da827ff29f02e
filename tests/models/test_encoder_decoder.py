"""mmseg's encoder-decoder with what this package adds, and nothing else changed."""

import copy
from dataclasses import replace

import pytest
import torch
from experiments import shrink
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from tiny_models import sample

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.one_by_one import one_by_one
from mmseg_mammo.models.peft.trainable import count_parameters


def test_everything_else_is_the_hosts_encoder_decoder(config, model):
    """Weights, predictions, and predictions without samples; of one channel and of two."""
    for channels in (1, 2):
        own = copy.deepcopy(config)
        own.decode_head.update(out_channels=channels, threshold=0.5 if channels == 1 else None)
        ours = MODELS.build(own).eval()
        theirs = MODELS.build({**own, 'type': 'EncoderDecoder'}).eval()
        theirs.load_state_dict(ours.state_dict())
        assert type(theirs) is EncoderDecoder
        images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            found, expected = (
                one.predict(images, [sample((50, 41)), sample((20, 33))]) for one in (ours, theirs)
            )
            alone = ours.predict(images)
        for one, other in zip(found, expected, strict=True):
            assert torch.equal(one.seg_logits.data, other.seg_logits.data)
            assert torch.equal(one.pred_sem_seg.data, other.pred_sem_seg.data)
            assert one.input_logits.data.shape == (channels, 32, 32)
        assert 'input_logits' not in alone[0]


def test_small_masks_have_the_losses_of_large_ones(model, monkeypatch):
    head, kinds = model.decode_head.loss, []

    def loss(features, samples, *more):
        kinds.extend(sample.gt_sem_seg.data.dtype for sample in samples)
        return head(features, samples, *more)

    monkeypatch.setattr(model.decode_head, 'loss', loss)
    inputs = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    losses = []
    for dtype in (torch.int64, torch.uint8):
        samples = []
        for number in range(2):
            sample = SegDataSample(metainfo={'img_shape': (64, 64)})
            mask = torch.zeros(1, 64, 64, dtype=dtype)
            mask[:, 10 : 20 + number, 5:30] = 1
            mask[:, 60:] = 255
            sample.gt_sem_seg = PixelData(data=mask)
            samples.append(sample)
        losses.append(model.loss(inputs, samples))

    assert set(kinds) == {torch.int64}  # on a GPU, losses of mmseg take no other
    assert losses[0].keys() == losses[1].keys()
    assert all(torch.equal(losses[0][name], losses[1][name]) for name in losses[0])


def with_presence(name='unet', **changes):
    torch.manual_seed(0)
    init_default_scope('mmseg')
    settings = shrink(f'{name}_absence_cbis', 'data', 'work').model
    for key, value in changes.items():
        settings[key] = value  # update would merge
    return MODELS.build(settings).eval()


def images(count=3):
    return torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def batch(*labels):
    found = []
    for number, label in enumerate(labels):
        one = sample((50 - number, 41), annotated=label)
        mask = torch.zeros(1, 32, 32, dtype=torch.uint8)
        mask[:, 5:9, 7:12] = label == 'lesion'
        one.gt_sem_seg = PixelData(data=mask)
        found.append(one)
    return found


def fields(one):
    return {name: value.data for name, value in one.items()}


NAMES = pytest.mark.parametrize('name', ['unet', 'setr_pup_vpt'])


@NAMES
def test_without_its_head_it_is_what_it_was_to_the_bit(name):
    """The mask's logits, the loss of the mask, raw logits; and no weights nor facts of presence."""
    model = with_presence(name)
    plain = with_presence(name, presence_head=None)
    rest = {k: v for k, v in model.state_dict().items() if not k.startswith('presence_head.')}
    assert rest.keys() == plain.state_dict().keys()
    assert model.has_presence
    assert not plain.has_presence
    plain.load_state_dict(rest)
    given = batch('lesion', 'normal', 'no')
    with torch.no_grad():
        ours, theirs = (m.predict(images(), copy.deepcopy(given)) for m in (model, plain))
        assert torch.equal(model(images()), plain(images()))
        losses, others = (m.loss(images(), copy.deepcopy(given)) for m in (model, plain))
    for one, other in zip(ours, theirs, strict=True):
        assert fields(one).keys() == fields(other).keys()
        assert all(torch.equal(fields(one)[k], fields(other)[k]) for k in fields(one))
        assert set(one.metainfo) - set(other.metainfo) == {'presence', 'presence_logit', 'closed'}
        assert one.closed is False
    added = {'presence.loss_presence', 'presence.acc_presence'}
    assert losses.keys() - others.keys() == added
    assert all(torch.equal(losses[k], others[k]) for k in others)


@NAMES
def test_images_whose_presence_is_not_above_the_threshold_are_closed(name):
    model = with_presence(name)
    model.decode_head.conv_seg.bias.data.fill_(50.0)  # every pixel is lesion
    given = batch('lesion', 'normal', 'lesion')
    with torch.no_grad():
        logits = model.presence_head(model.extract_feat(images()))
        free = model.predict(images(), copy.deepcopy(given))
    order = logits.argsort()
    middle = float(logits[order[1]].double().sigmoid())  # on the threshold is closed
    settings = {'test_output': dict(presence_threshold=middle)}
    gated = with_presence(name, **settings)
    gated.load_state_dict(model.state_dict())
    with torch.no_grad():
        found = gated.predict(images(), given)
        alone = gated.predict(images())
    assert [one.presence_logit for one in found] == logits.tolist()
    assert [one.closed for one in found] == [bool(logit <= logits[order[1]]) for logit in logits]
    assert sum(one.closed for one in found) == 2
    for one, other, lone in zip(found, free, alone, strict=True):
        assert one.pred_sem_seg.data.any() != one.closed
        assert torch.equal(one.seg_logits.data, other.seg_logits.data)
        assert torch.equal(one.input_logits.data, other.input_logits.data)
        assert (lone.presence, lone.closed) == (one.presence, one.closed)
        assert lone.pred_sem_seg.data.any() != lone.closed


def test_predictions_one_by_one_are_closed_as_those_of_the_batch():
    model = with_presence()
    with torch.no_grad():
        free = model.predict(images(8), batch(*['lesion'] * 8))
        middle = sorted(one.presence for one in free)[3]
        model.test_output = replace(model.test_output, presence_threshold=middle)
        whole = model.predict(images(8), batch(*['lesion'] * 8))
        with one_by_one(model):
            each = list(model.predict(images(8), batch(*['lesion'] * 8)))
    assert 0 < sum(one.closed for one in whole) < 8
    for one, other in zip(each, whole, strict=True):
        assert (one.presence, one.closed) == (other.presence, other.closed)
        assert torch.equal(one.pred_sem_seg.data, other.pred_sem_seg.data)


@pytest.mark.parametrize(
    ('prompts', 'trainable', 'trained'),
    [
        (2, '', {'backbone.prompts'}),
        (0, r'\.bias$', {'backbone.layers.0.attn.qkv.bias'}),
        (0, '', set()),
    ],
)
def test_the_head_is_trained_whatever_else_is(prompts, trainable, trained):
    settings = shrink('setr_pup_vpt_absence_cbis', 'data', 'work').model
    settings.backbone.update(prompt_length=prompts, trainable=trainable)
    model = with_presence('setr_pup_vpt', backbone=settings.backbone)
    names = {name for name, p in model.named_parameters() if p.requires_grad and p.numel()}
    head = {f'presence_head.{name}' for name, _ in model.presence_head.named_parameters()}
    assert head | trained <= names
    assert ('backbone.cls_token' in names) is False
    total, count = count_parameters(model.presence_head)
    assert total == count == sum(p.numel() for p in model.presence_head.parameters()) > 0
    losses = model.train().loss(images(2), batch('lesion', 'normal'))
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    assert all(p.grad is not None and p.grad.any() for p in model.presence_head.parameters())
    if prompts:  # those of the last layer too: their own outputs are looked at
        assert model.backbone.prompts.grad.abs().amax(dim=(1, 2)).all()


def test_the_loss_of_presence_reaches_the_encoder_alone():
    model = with_presence().train()
    losses = model.loss(images(2), batch('lesion', 'normal'))
    losses['presence.loss_presence'].backward()
    assert model.backbone.encoder[4][-1].convs[0].conv.weight.grad.any()
    assert all(p.grad is None for p in model.decode_head.parameters())


@pytest.mark.parametrize(
    'loss',
    [
        dict(type='CrossEntropyLoss', use_sigmoid=True),
        dict(type='CrossEntropyLoss', use_sigmoid=True, avg_non_ignore=True),
        dict(type='CrossEntropyLoss'),
        dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ],
)
@pytest.mark.parametrize('also', [['lesion'], ['lesion', 'lesion']])
def test_images_with_a_label_alone_train_presence_and_nothing_else(loss, also):
    """Their masks are 255 everywhere, of all images of a batch or of some."""
    channels = 1 if 'use_sigmoid' in loss else 2
    settings = shrink('unet_absence_cbis', 'data', 'work').model.decode_head
    settings.update(out_channels=channels, loss_decode=[loss, dict(type='LesionDiceLoss')])
    settings.threshold = 0.5 if channels == 1 else None
    model = with_presence(decode_head=settings)
    given = batch('normal', 'lesion')
    for one in given[-len(also) :]:
        one.gt_sem_seg.data = torch.full((1, 32, 32), 255, dtype=torch.uint8)
    known = 2 - len(also)
    inputs = images(2).requires_grad_()
    losses = model.loss(inputs, given)
    parts = [name for name in losses if name.startswith('decode.')]
    assert set(parts) == {'decode.loss_ce', 'decode.loss_dice', 'decode.acc_seg'}
    assert all(losses[name].isfinite() for name in parts)
    assert all((float(losses[name]) > 0) == (known > 0) for name in parts if 'loss' in name)
    (moved,) = torch.autograd.grad(
        sum(losses[name] for name in parts if 'loss' in name), inputs, retain_graph=True
    )
    assert moved.isfinite().all()
    assert [bool(one.any()) for one in moved] == [known > 0, False]
    (moved,) = torch.autograd.grad(losses['presence.loss_presence'], inputs)
    assert all(one.any() for one in moved)


def test_windows_and_tokens_for_the_decode_head_are_refused():
    slide = dict(mode='slide', crop_size=(16, 16), stride=(16, 16))
    with pytest.raises(MammoError, match=r"presence_head beside test_cfg.mode='slide'.*whole"):
        with_presence(test_cfg=slide)
    settings = shrink('setr_pup_vpt_absence_cbis', 'data', 'work').model
    settings.decode_head.in_index = -1
    with pytest.raises(MammoError, match=r'out_tokens beside .*in_index=-1.* Allowed: 0'):
        with_presence('setr_pup_vpt', decode_head=settings.decode_head)


def test_loras_wrapper_hands_the_tokens_on():
    settings = shrink('setr_pup_lora_cbis', 'data', 'work').model.backbone
    settings.module.update(pretrained=None, out_tokens=True)
    model = with_presence('setr_pup_vpt', backbone=settings)
    assert model.predict(images(1))[0].presence > 0
    trained = {name.split('.')[0] for name, p in model.named_parameters() if p.requires_grad}
    assert trained == {'backbone', 'decode_head', 'presence_head'}

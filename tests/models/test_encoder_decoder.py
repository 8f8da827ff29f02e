"""mmseg's encoder-decoder with what this package adds, and nothing else changed."""

import copy

import pytest
import torch
from experiments import shrink
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample


@pytest.fixture(scope='module')
def config():
    return shrink('unet_cbis', 'data', 'work').model


@pytest.fixture(scope='module')
def model(config):
    init_default_scope('mmseg')
    return MODELS.build(config).eval()


def sample(shape, **facts):
    known = dict(ori_shape=shape, img_shape=(32, 32), img_path='a.png', image='a.png')
    return SegDataSample(metainfo={**known, **facts})


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

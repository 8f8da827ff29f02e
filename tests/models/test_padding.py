"""Padding: black, to one size, counted by no loss, and away again in what is predicted."""

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.models import SegDataPreProcessor
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from prepared_sets import write_prepared
from tiny_models import save_checkpoint, write_blobs
from torch.utils.data import DataLoader

import mmseg_mammo
from mmseg_mammo.datasets import MammographyDataset
from mmseg_mammo.datasets.handover import packed_collate
from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.encoder_decoder import InputGridEncoderDecoder
from mmseg_mammo.models.input_grid import picture_shape, truth_on_input
from mmseg_mammo.models.padding import PaddedDataPreProcessor

STATISTICS = dict(mean=[127.5] * 3, std=[127.5] * 3, pad_val=0, seg_pad_val=255)
SHAPES = [(24, 32), (32, 20), (32, 32)]


def batch(shapes, channels=1):
    rng = np.random.default_rng(0)
    inputs, samples = [], []
    for shape in shapes:
        levels = torch.from_numpy(rng.integers(1, 256, (channels, *shape)).astype(np.uint8))
        sample = SegDataSample(metainfo=dict(ori_shape=(2 * shape[0], 2 * shape[1])))
        sample.gt_sem_seg = PixelData(data=torch.ones(1, *shape, dtype=torch.uint8))
        inputs.append(levels)
        samples.append(sample)
    return {'inputs': inputs, 'data_samples': samples}


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('channels', [1, 3])
def test_images_of_one_size_are_as_mmseg_makes_them(training, channels):
    ours = PaddedDataPreProcessor(size=(32, 32), **STATISTICS)
    theirs = SegDataPreProcessor(size=(32, 32), **STATISTICS)
    given = [batch([(32, 32)] * 2, channels) for _ in range(2)]
    found, expected = ours(given[0], training), theirs(given[1], training)
    assert torch.equal(found['inputs'], expected['inputs'])
    for one, other in zip(found['data_samples'], expected['data_samples'], strict=True):
        assert torch.equal(one.gt_sem_seg.data, other.gt_sem_seg.data)


@pytest.mark.parametrize('training', [True, False])
def test_each_is_padded_with_black_right_and_below(training):
    given = batch(SHAPES)
    levels = [image.float() for image in given['inputs']]
    found = PaddedDataPreProcessor(size=(32, 32), **STATISTICS)(given, training)
    assert found['inputs'].shape == (3, 3, 32, 32)
    for image, own, shape, sample in zip(
        found['inputs'], levels, SHAPES, found['data_samples'], strict=True
    ):
        height, width = shape
        assert torch.equal(image[:, :height, :width], ((own - 127.5) / 127.5).expand(3, -1, -1))
        outside = torch.ones(32, 32, dtype=torch.bool)
        outside[:height, :width] = False
        assert (image[:, outside] == -1).all()
        assert picture_shape(sample, (32, 32)) == shape
        truth = sample.gt_sem_seg.data
        assert truth.shape[1:] == ((32, 32) if training else shape)
        on_input = truth_on_input(sample, (32, 32))[0]
        assert (on_input[outside] == 255).all()
        assert (on_input[~outside] == 1).all()


def test_an_image_that_is_too_large_and_other_ways_to_pad_are_refused():
    with pytest.raises(MammoError, match='40×20 pixels for an input of 32×32'):
        PaddedDataPreProcessor(size=(32, 32))(batch([(40, 20)]))
    for other in ({'test_cfg': {'size': (32, 32)}}, {'size_divisor': 16}):
        with pytest.raises(MammoError, match='PaddedDataPreProcessor'):
            PaddedDataPreProcessor(size=(32, 32), **other)


class Echo(InputGridEncoderDecoder):
    """Its logits are the grey levels of its input, so that one sees where they come back."""

    def inference(self, inputs, batch_img_metas):
        return inputs[:, :1]


def test_predictions_come_back_on_their_own_grids_without_padding(prepared):
    cfg = small_config()
    model = MODELS.build({**cfg, 'type': Echo}).eval()
    given = batch(SHAPES)
    given['inputs'] = [torch.full_like(one, 51 * (n + 2)) for n, one in enumerate(given['inputs'])]
    with torch.no_grad():
        found = model.test_step(given)
    for number, (sample, shape) in enumerate(zip(found, SHAPES, strict=True)):
        level = torch.tensor((51 * (number + 2) - 127.5) / 127.5).sigmoid()
        assert sample.seg_logits.data.shape == (1, 2 * shape[0], 2 * shape[1])
        assert sample.input_logits.data.shape == (1, *shape)
        for logits in (sample.seg_logits, sample.input_logits):  # no black from beyond the edge
            assert torch.allclose(logits.data, level.expand_as(logits.data))


def small_config():
    return dict(
        data_preprocessor=dict(type='PaddedDataPreProcessor', size=(32, 32), **STATISTICS),
        backbone=dict(type='UNet', in_channels=3, base_channels=4),
        decode_head=dict(
            type='FCNHead', in_channels=4, in_index=4, channels=4, num_convs=1,
            concat_input=False, num_classes=2, out_channels=1, threshold=0.5, align_corners=False,
            loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True),
        ),
        test_cfg=dict(mode='whole'),
    )  # fmt: skip


def test_a_training_step_on_images_of_different_millimetres(tmp_path):
    """As the loader hands them over, by a process of its own."""
    tall = {1: lambda image, mask: (image[:80], mask[:80])}
    folder = write_prepared(tmp_path, 2, tall, pixel_spacing='1')
    pipeline = [
        *(dict(type='ReadMammogram'), dict(type='MapIntensity'), dict(type='LoadLesionMask')),
        dict(type='ResizeMammogram', scale=(32, 32), mm_per_pixel=5.0, interpolation='area'),
        dict(type='PackMammogram', one_channel=True, small_masks=True),
    ]
    data = MammographyDataset(data_root=str(folder), pipeline=pipeline)
    loader = DataLoader(data, batch_size=2, num_workers=1, collate_fn=packed_collate)
    (given,) = loader
    assert sorted(image.shape for image in given['inputs']) == [(1, 16, 24), (1, 32, 24)]
    model = MODELS.build({**small_config(), 'type': 'InputGridEncoderDecoder'})
    found = model.data_preprocessor(given, True)
    masks = torch.stack([sample.gt_sem_seg.data for sample in found['data_samples']])
    assert sorted((masks == 255).sum(dim=(1, 2, 3)).tolist()) == [8 * 32, 32 * 32 - 16 * 24]
    losses = model(**found, mode='loss')
    assert torch.isfinite(losses['decode.loss_ce'])


def keeping_aspect(cfg):
    cfg.model.data_preprocessor.type = 'PaddedDataPreProcessor'
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        for step in cfg[name].dataset.pipeline:
            if 'Resize' in step['type']:
                step.update(type='ResizeMammogram', aspect='original', interpolation='area')


def test_a_batch_of_shapes_is_predicted_as_one_by_one_and_mirrored_too(prepared, tmp_path):
    checkpoint = save_checkpoint(tmp_path / 'm.pth', 'unet_cbis', prepared, change=keeping_aspect)
    images = [write_blobs(tmp_path / f'{n}.png', n, (80 + 30 * n, 64)) for n in range(3)]
    for flip in (False, True):
        predictor = mmseg_mammo.Predictor(checkpoint, device='cpu', flip=flip)
        loaded = [predictor.load(image) for image in images]
        assert len({one.data[0]['inputs'].shape for one in loaded}) == 3
        for one, image in zip(predictor.predict(loaded), images, strict=True):
            alone = predictor(image)
            assert one.probability.shape == one.mask.shape
            np.testing.assert_allclose(one.probability, alone.probability, atol=1e-6)

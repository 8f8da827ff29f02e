"""An exported file in the place of a checkpoint: the same predictions, and its own refusals."""

import sys

import numpy as np
import pytest
import torch
from mmseg.structures import SegDataSample
from tiny_models import padded, save_checkpoint, two_channels, write_blobs

from mmseg_mammo.engine.checkpoint import load_model
from mmseg_mammo.engine.config.stored import read_stored_config
from mmseg_mammo.errors import CheckpointError, DataFileError, HostError, MammoError
from mmseg_mammo.inference.onnx.export import export_onnx
from mmseg_mammo.inference.onnx.segmentor import OnnxSegmentor, check_files
from mmseg_mammo.inference.predictor import Predictor
from mmseg_mammo.io.checkpoint_record import ONNX_KEY, read_record, record_text
from mmseg_mammo.io.onnx.metadata import pack_metadata, read_metadata

pytest.importorskip('onnx')
onnxruntime = pytest.importorskip('onnxruntime')


@pytest.fixture(scope='module')
def onnx(unet, tmp_path_factory):
    out = tmp_path_factory.mktemp('onnx') / 'unet.onnx'
    export_onnx(read_stored_config(unet), unet, out)
    return out


def own_threshold(cfg):
    cfg.model.decode_head.threshold = 0.3


@pytest.mark.parametrize('change', [None, two_channels, padded, own_threshold])
@pytest.mark.parametrize('settings', [{}, {'threshold': 0.52, 'breast_only': True}, {'flip': True}])
def test_it_predicts_what_the_checkpoint_predicts(change, settings, prepared, tmp_path):
    name = 'unet_cbis'
    checkpoint = save_checkpoint(tmp_path / 'm.pth', name, prepared, long_side=60, change=change)
    out = tmp_path / 'm.onnx'
    export_onnx(read_stored_config(checkpoint), checkpoint, out)
    ours, theirs = (Predictor(each, device='cpu', **settings) for each in (out, checkpoint))
    images = [write_blobs(tmp_path / f'{n}.png', n, (80 + 9 * n, 64)) for n in range(3)]
    for found, expected in zip(
        *(p.predict([p.load(image) for image in images]) for p in (ours, theirs)), strict=True
    ):
        np.testing.assert_allclose(found.probability, expected.probability, atol=1e-4)
        sure = abs(expected.probability - expected.threshold) > 1e-4
        np.testing.assert_array_equal(found.mask[sure], expected.mask[sure])
        assert found.threshold == expected.threshold
    assert ours.name == theirs.name
    assert ours.members[0].differences == []


def mirrored(cfg):
    cfg.model.test_output = dict(flips=True)


@pytest.mark.parametrize('name', ['unet_cbis', 'unet_absence_cbis', 'setr_pup_vpt_cbis'])
def test_mirror_images_are_in_the_file(name, prepared, tmp_path):
    checkpoint = save_checkpoint(tmp_path / 'm.pth', name, prepared, change=mirrored)
    out = tmp_path / 'm.onnx'
    export_onnx(read_stored_config(checkpoint), checkpoint, out)
    ours, theirs = (Predictor(each, device='cpu') for each in (out, checkpoint))
    images = [write_blobs(tmp_path / f'{n}.png', n, (80, 64)) for n in range(2)]
    for found, expected in zip(
        *(p.predict([p.load(image) for image in images]) for p in (ours, theirs)), strict=True
    ):
        np.testing.assert_allclose(found.probability, expected.probability, atol=1e-4)
    assert read_metadata(out)['flips'] == 'true'
    cfg = read_stored_config(out)
    cfg.model.test_output.flips = False
    with pytest.raises(MammoError, match=r'flips=False, and what the file computes is fixed: True'):
        OnnxSegmentor(out, cfg)


def test_a_file_does_not_turn_what_is_padded(prepared, tmp_path):
    def change(cfg):
        padded(cfg)
        mirrored(cfg)

    checkpoint = save_checkpoint(tmp_path / 'm.pth', 'unet_cbis', prepared, change=change)
    with pytest.raises(MammoError, match=r'flips of a model whose input is padded.*flips=False'):
        export_onnx(read_stored_config(checkpoint), checkpoint, tmp_path / 'm.onnx')


@pytest.mark.parametrize('name', ['unet_absence_cbis', 'setr_pup_vpt_absence_cbis'])
def test_it_closes_the_images_that_the_checkpoint_closes(name, prepared, tmp_path):
    def spread(cfg):
        cfg.model.test_output = dict(presence_threshold=0.5, presence_scale=50.0)

    checkpoint = save_checkpoint(tmp_path / 'm.pth', name, prepared, change=spread)
    cfg, out = read_stored_config(checkpoint), tmp_path / 'm.onnx'
    model = load_model(cfg, checkpoint)
    inputs = torch.randn(12, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits = torch.tensor([one.presence_logit for one in model.predict(inputs)])
    cfg.model.test_output.presence_bias = float(-50 * logits.median())
    export_onnx(cfg, checkpoint, out)
    assert read_metadata(out)['presence_threshold'] == '0.5'
    assert read_record(out)['onnx']['outputs']['presence_logit'] == ['batch']
    stored = read_stored_config(out)
    ours, theirs = OnnxSegmentor(out, stored), load_model(cfg, checkpoint)
    assert ours.has_presence
    shapes = dict(ori_shape=(40, 30), img_shape=(32, 32))
    with torch.no_grad():
        for given in (None, [SegDataSample(metainfo=shapes) for _ in inputs]):
            copies = (given and [one.clone() for one in given] for _ in 'ab')
            each = [m.predict(inputs, c) for m, c in zip((ours, theirs), copies, strict=True)]
            closed = []
            for found, expected in zip(*each, strict=True):
                assert found.presence_logit == pytest.approx(expected.presence_logit, abs=1e-5)
                if abs(found.presence - 0.5) < 1e-2:
                    continue
                closed.append(found.closed)
                assert found.closed == expected.closed
                assert not (found.closed and found.pred_sem_seg.data.any())
            assert {*closed} == {True, False}


def test_the_mean_of_a_file_and_a_checkpoint(onnx, unet, tmp_path):
    image = write_blobs(tmp_path / 'a.png', 1)
    both, one = (Predictor(each, device='cpu')(image) for each in ([onnx, unet], unet))
    np.testing.assert_allclose(both.probability, one.probability, atol=1e-4)


def test_files_that_it_cannot_run_are_told_apart(onnx, sam, tmp_path):
    absent = tmp_path / 'absent.onnx'
    with pytest.raises(DataFileError, match=r'absent\.onnx: No such file'):
        check_files([absent], 'cpu')
    cut = tmp_path / 'cut.onnx'
    cut.write_bytes(onnx.read_bytes()[:-9])
    with pytest.raises(DataFileError, match=r'cut\.onnx: not a complete ONNX file'):
        check_files([cut], 'cpu')
    other = tmp_path / 'other.onnx'
    other.write_bytes(b'\x08\x08' + pack_metadata({'name': 'yolo'}))
    with pytest.raises(CheckpointError, match=r'other\.onnx: no record of what its input is'):
        check_files([other], 'cpu')
    encoder = tmp_path / 'encoder.onnx'
    record = read_record(sam) | {'onnx': {'part': 'encoder'}}
    encoder.write_bytes(b'\x08\x08' + pack_metadata({ONNX_KEY: record_text(record)}))
    with pytest.raises(CheckpointError, match='the encoder of a SAM'):
        Predictor(encoder)
    empty = tmp_path / 'empty.onnx'
    empty.write_bytes(b'\x08\x08' + pack_metadata(read_metadata(onnx)))
    with pytest.raises(CheckpointError, match=r'empty\.onnx: onnxruntime cannot load it'):
        Predictor(empty, device='cpu')


def test_another_size_and_a_training_are_refused(onnx):
    cfg = read_stored_config(onnx)
    model = OnnxSegmentor(onnx, cfg)
    with pytest.raises(MammoError, match=r'an input of 16×48 pixels. Allowed: 32×32'):
        model.encode_decode(torch.zeros(1, 3, 16, 48))
    for refused in (model.extract_feat, lambda inputs: model.loss(inputs, [])):
        with pytest.raises(MammoError, match='Take the checkpoint'):
            refused(torch.zeros(1, 3, 32, 32))


def test_without_onnxruntime_the_extra_is_named(onnx, monkeypatch):
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    with pytest.raises(HostError, match=r"not installed\. pip install '\.\[onnx\]'"):
        Predictor(onnx, device='cpu')


@pytest.mark.parametrize('usable', [True, False])
def test_a_gpu_that_onnxruntime_cannot_use_is_not_taken(usable, onnx, unet, monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: True)
    monkeypatch.setattr('torch.cuda.device_count', lambda: 1)
    providers = ['CPUExecutionProvider', *['CUDAExecutionProvider'] * usable]
    monkeypatch.setattr(onnxruntime, 'get_available_providers', lambda: providers)
    assert check_files([unet], 'auto') == 'cuda'
    assert check_files([unet, onnx], 'auto') == ('cuda' if usable else 'cpu')
    assert check_files([onnx], 'cpu') == 'cpu'
    if usable:
        assert check_files([onnx], 'cuda') == 'cuda'
    else:
        with pytest.raises(MammoError, match=r'--device cuda for an ONNX file.*onnxruntime-gpu'):
            check_files([onnx], 'cuda')

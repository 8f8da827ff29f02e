"""ONNX files: what PyTorch gives, to 1e-4, and all that is needed to use them."""

import json
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from experiments import shrink
from mmengine.config import Config
from packaging.version import Version
from tiny_models import padded, save_checkpoint, two_channels, write_blobs

from mmseg_mammo.engine.checkpoint import load_model
from mmseg_mammo.engine.config.stored import read_stored_config
from mmseg_mammo.engine.config.test_output import use_test_output
from mmseg_mammo.errors import CheckpointError, HostError, MammoError
from mmseg_mammo.inference.onnx import export
from mmseg_mammo.inference.onnx.export import export_onnx
from mmseg_mammo.inference.predictor import Predictor
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.io.onnx.metadata import read_metadata
from mmseg_mammo.models.prompts.prompts import Prompts
from mmseg_mammo.models.sam.mask_decoder import decode

OLD_TORCH = pytest.mark.skipif(
    Version(torch.__version__) < Version('2.4'),
    reason='the exporter of torch 2.1 cannot write the attention of the encoder',
)
pytest.importorskip('onnx')
onnxruntime = pytest.importorskip('onnxruntime')


def exported(checkpoint, out, **output):
    cfg = read_stored_config(checkpoint)
    use_test_output(cfg, **output)
    return export_onnx(cfg, checkpoint, out)


def run(path, **inputs):
    session = onnxruntime.InferenceSession(str(path), providers=['CPUExecutionProvider'])
    names = [each.name for each in session.get_outputs()]
    found = session.run(None, {k: v.numpy() for k, v in inputs.items()})
    return dict(zip(names, map(torch.from_numpy, found), strict=True))


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def model_and_image(checkpoint, folder):
    """The model, and an image as its data preprocessor takes it, B×3×H×W from 0 to 255."""
    predictor = Predictor(checkpoint, device='cpu')
    loaded = [predictor.load(write_blobs(folder / f'{n}.png', n)) for n in range(3)]
    image = torch.stack([one.data[0]['inputs'] for one in loaded])
    # One channel, perhaps of bytes; the file takes three of floats (docs/export.md).
    return predictor.members[0].model, image.float().expand(-1, 3, -1, -1).contiguous()


@pytest.mark.parametrize('kind', ['unet', 'setr', 'two channels'])
@torch.no_grad()
def test_a_whole_model_gives_the_logits_of_pytorch_in_batches_of_any_size(
    kind, prepared, tmp_path, request
):
    if kind == 'two channels':
        path = tmp_path / 'm.pth'
        checkpoint = save_checkpoint(path, 'unet_cbis', prepared, change=two_channels)
    else:
        checkpoint = request.getfixturevalue(kind)
    out = tmp_path / 'out' / 'm.onnx'
    assert exported(checkpoint, out, temperature=2.0) == [out]
    model, image = model_and_image(checkpoint, tmp_path)
    normalised = model.data_preprocessor({'inputs': [*image]})['inputs']
    logits = model.encode_decode(normalised, [dict(img_shape=(32, 32), pad_shape=(32, 32))] * 3)
    found = run(out, image=image)
    close(found['logits'], logits)
    two = logits.softmax(1)[:, 1] if logits.shape[1] > 1 else None
    expected = (logits[:, 0] / 2).sigmoid() if two is None else (logits / 2).softmax(1)[:, 1]
    close(found['probability'], expected)
    close(run(out, image=image[:1])['logits'], logits[:1])


@OLD_TORCH
@torch.no_grad()
def test_the_parts_of_a_sam_give_the_candidates_of_pytorch(sam, tmp_path):
    files = export_onnx(read_stored_config(sam), sam, tmp_path / 'sam.onnx')
    assert [file.name for file in files] == ['sam_encoder.onnx', 'sam_decoder.onnx']
    model = load_model(None, sam)
    image = torch.rand(1, 3, 32, 32) * 255
    embedding = model.extract_feat(model.data_preprocessor({'inputs': [*image]})['inputs'])
    found = run(files[0], image=image)['image_embeddings']
    close(found, embedding)
    points, labels = torch.tensor([[[3.0, 7.0], [20.0, 11.0]]]), torch.tensor([[1, 0]])
    box, mask = torch.tensor([[2.0, 3.0, 25.0, 30.0]]), torch.randn(1, 1, 8, 8)
    corners, at_corners = box.view(1, 2, 2), torch.tensor([[2.0, 3.0]])
    nowhere, no_point = torch.zeros(1, 1, 2), torch.tensor([[-1.0]])
    for boxes, places, kinds in ((None, nowhere, no_point), (box, corners, at_corners)):
        for has_mask in (0, 1):
            low, iou, _ = decode(
                model.prompt_encoder,
                model.mask_decoder,
                embedding,
                Prompts(points, labels, boxes),
                mask if has_mask else None,
            )
            candidates = run(
                files[1],
                image_embeddings=found,
                point_coords=torch.cat([points, places], dim=1),
                point_labels=torch.cat([labels.float(), kinds], dim=1),
                mask_input=mask,
                has_mask_input=torch.tensor([float(has_mask)]),
            )
            close(candidates['low_res_masks'], low)
            close(candidates['iou_predictions'], iou)
            masks = F.interpolate(low, (32, 32), mode='bilinear', align_corners=False)
            close(candidates['masks'], masks)
    assert [read_record(file)['onnx']['part'] for file in files] == ['encoder', 'decoder']


@OLD_TORCH
@torch.no_grad()
def test_the_decoder_of_a_sam_with_an_object_score_gives_the_logit_of_presence(prepared, tmp_path):
    checkpoint = save_checkpoint(tmp_path / 'm.pth', 'sam_absence_cbis', prepared)
    files = exported(checkpoint, tmp_path / 'sam.onnx', presence_threshold=0.25)
    model = load_model(None, checkpoint)
    embedding = torch.randn(1, 32, 2, 2)
    points, labels = torch.tensor([[[3.0, 7.0]]]), torch.tensor([[1]])
    parts = model.prompt_encoder, model.mask_decoder
    expected = decode(*parts, embedding, Prompts(points, labels))
    found = run(
        files[1],
        image_embeddings=embedding,
        point_coords=torch.cat([points, torch.zeros(1, 1, 2)], dim=1),
        point_labels=torch.tensor([[1.0, -1.0]]),
        mask_input=torch.zeros(1, 1, 8, 8),
        has_mask_input=torch.zeros(1),
    )
    close(found['low_res_masks'], expected.logits)
    close(found['presence_logit'], expected.object_logit)
    assert json.loads(read_metadata(files[1])['presence_threshold']) == 0.25


def test_its_metadata_say_how_images_become_its_input_and_where_it_came_from(
    prepared, tmp_path, unet
):
    checkpoint = save_checkpoint(tmp_path / 'm.pth', 'unet_cbis', prepared, long_side=64)
    (out,) = exported(checkpoint, tmp_path / 'm.onnx', threshold=0.25, breast_only=True)
    found = read_metadata(out)
    assert {k: json.loads(found[k]) for k in ('threshold', 'temperature', 'breast_only')} == {
        'threshold': 0.25,
        'temperature': 1.0,
        'breast_only': True,
    }
    steps = json.loads(found['input'])
    assert steps['preparation'] == {'long_side': 64}
    assert [step['type'] for step in steps['steps']][:2] == ['ReadMammogram', 'MapIntensity']
    assert len(steps['mean']) == len(steps['std']) == 3
    record, before = read_record(out), read_record(checkpoint)
    assert record['threshold'] == 0.25
    assert record['trained_on'] == before['trained_on']
    assert record['config']['model']['test_output']['breast_only'] is True
    assert record['onnx']['inputs'] == {'image': ['batch', 3, 32, 32]}
    seen = onnxruntime.InferenceSession(str(out)).get_modelmeta().custom_metadata_map
    assert seen == found  # others find it where they look for it


def test_a_file_is_never_written_over(sam, unet, tmp_path):
    (tmp_path / 'm_decoder.onnx').write_text('mine')
    with pytest.raises(CheckpointError, match=r'm_decoder\.onnx exists'):
        export_onnx(read_stored_config(sam), sam, tmp_path / 'm.onnx')
    assert [file.name for file in tmp_path.iterdir()] == ['m_decoder.onnx']


def test_what_onnx_cannot_hold_is_refused(prepared, unet, tmp_path, monkeypatch):
    cfg = read_stored_config(unet)
    cfg.model.test_cfg = dict(mode='slide', crop_size=(16, 16), stride=(16, 16))
    with pytest.raises(MammoError, match=r"test_cfg=.*slide.*Allowed: .*mode='whole'"):
        export_onnx(cfg, unet, tmp_path / 'm.onnx')
    free = save_checkpoint(tmp_path / 'a.pth', 'setr_pup_vpt_cbis', prepared, change=unpadded)
    with pytest.raises(MammoError, match='aspect ratio of the image as ONNX'):
        export_onnx(read_stored_config(free), free, tmp_path / 'm.onnx')
    monkeypatch.setattr(export, '_LARGEST', 1000)
    with pytest.raises(MammoError, match='GB of weights as ONNX'):
        export_onnx(read_stored_config(unet), unet, tmp_path / 'm.onnx')
    assert not list(tmp_path.glob('*.onnx'))


def unpadded(cfg):
    padded(cfg)
    cfg.model.data_preprocessor.pop('test_cfg')


def test_an_exporter_that_fails_leaves_nothing_and_says_what_worked(unet, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise TypeError('z_()')

    monkeypatch.setattr(torch.onnx, 'export', fail)
    with pytest.raises(
        HostError, match=r'torch .* cannot write this model as ONNX \(TypeError: z_\(\)\)'
    ):
        export_onnx(read_stored_config(unet), unet, tmp_path / 'm.onnx')
    assert not list(tmp_path.iterdir())


def test_an_encoder_without_its_decoder_does_not_stay(sam, tmp_path, monkeypatch):
    def write(network, example, axes, metadata, out):
        if 'decoder' in out.name:
            raise OSError(28, 'No space left on device')
        out.touch()

    monkeypatch.setattr(export, '_write_onnx', write)
    with pytest.raises(OSError, match='No space left'):
        export_onnx(read_stored_config(sam), sam, tmp_path / 'm.onnx')
    assert not list(tmp_path.iterdir())


def test_of_an_earlier_version_the_config_that_is_given_goes_along(unet, prepared, tmp_path):
    content = torch.load(unet)
    torch.save({'state_dict': content['state_dict']}, tmp_path / 'old.pth')
    shrink('unet_cbis', prepared, tmp_path).dump(tmp_path / 'ours.py')
    cfg = Config.fromfile(tmp_path / 'ours.py')
    (out,) = export_onnx(cfg, tmp_path / 'old.pth', tmp_path / 'old.onnx')
    image = write_blobs(tmp_path / 'a.png', 1)
    found, expected = (Predictor(each, device='cpu')(image) for each in (out, unet))
    np.testing.assert_allclose(found.probability, expected.probability, atol=1e-4)


def test_without_the_package_onnx_the_extra_is_named(unet, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'onnx', None)
    with pytest.raises(HostError, match=r"package onnx, .* pip install '\.\[onnx\]'"):
        export_onnx(read_stored_config(unet), unet, tmp_path / 'm.onnx')

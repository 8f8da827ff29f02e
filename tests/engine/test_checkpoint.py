"""A model outside the runner: filled exactly, or not at all."""

import zipfile

import numpy as np
import pytest
import torch
from experiments import shrink
from mmengine.runner import Runner
from mmseg.registry import MODELS
from sam_models import meta_sam

from mmseg_mammo.engine.checkpoint import build_model, check_checkpoint, load_model
from mmseg_mammo.errors import CheckpointError, MammoError
from mmseg_mammo.inference import SAMPredictor


def test_metas_file_makes_a_predictor(prepared, tmp_path):
    sam = meta_sam(32)
    torch.save(sam.state_dict(), tmp_path / 'sam.pth')
    model = load_model(shrink('sam_zeroshot_cbis', prepared, tmp_path), tmp_path / 'sam.pth')
    assert not any(module.training for module in model.modules())
    assert all(torch.equal(sam.state_dict()[k], v) for k, v in model.state_dict().items())
    assert model.cfg.test_dataloader.dataset.pipeline[1].intensity == 'minmax'
    predictor = SAMPredictor(model)
    assert [type(step).__name__ for step in predictor.transform.steps] == ['Resize']
    predictor.set_image(np.eye(40, 30, dtype=np.uint16) * 4095)
    masks, iou, logits = predictor.predict(np.array([[12, 20]]), np.array([1]))
    assert (masks.shape, masks.dtype, iou.shape, logits.shape) == (
        (3, 40, 30),
        bool,
        (3,),
        (3, 8, 8),
    )


@pytest.mark.parametrize('name', ['sam_lora_cbis', 'sam_decoder_cbis'])
def test_a_small_checkpoint_is_completed(name, prepared, tmp_path):
    base = tmp_path / 'sam.pth'
    torch.save(meta_sam(32).state_dict(), base)
    cfg = shrink(name, prepared, tmp_path, epochs=1, pretrained=str(base))
    cfg.default_hooks.checkpoint.save_trained_only = True
    runner = Runner.from_cfg(cfg)
    runner.train()
    model = load_model(cfg, tmp_path / 'epoch_1.pth')
    loaded = dict(model.named_parameters())
    assert all(torch.equal(loaded[k], p) for k, p in runner.model.named_parameters())


def test_the_config_may_be_that_of_the_checkpoint(prepared, tmp_path):
    cfg = shrink('unet_cbis', prepared, tmp_path, epochs=1)
    runner = Runner.from_cfg(cfg)
    runner.train()
    model = load_model(None, tmp_path / 'epoch_1.pth')
    state = runner.model.state_dict()
    assert all(torch.equal(state[name], value) for name, value in model.state_dict().items())
    assert model.cfg.test_dataloader == cfg.test_dataloader
    torch.save(state, tmp_path / 'weights.pth')
    with pytest.raises(CheckpointError, match=r'weights\.pth: does not hold the config'):
        load_model(None, tmp_path / 'weights.pth')
    with pytest.raises(CheckpointError, match='no such checkpoint'):
        load_model(None, tmp_path / 'absent.pth')


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
@pytest.mark.parametrize('device', ['cuda', 'cuda:3', 'gpu'])
def test_a_device_that_is_not_there_is_named_before_anything_is_read(device, tmp_path):
    with pytest.raises(MammoError, match=f'device.*{device}'):
        load_model(tmp_path / 'absent.py', tmp_path / 'absent.pth', device=device)


def test_a_file_of_another_model_is_refused(prepared, tmp_path):
    other = MODELS.build(shrink('unet_cbis', prepared, tmp_path).model)
    torch.save(other.state_dict(), tmp_path / 'unet.pth')
    with pytest.raises(CheckpointError, match='of another model than the config'):
        load_model(shrink('sam_zeroshot_cbis', prepared, tmp_path), tmp_path / 'unet.pth')


def test_a_missing_or_truncated_checkpoint_is_refused(tmp_path):
    path = tmp_path / 'epoch_1.pth'
    with pytest.raises(CheckpointError, match=r'epoch_1\.pth: no such checkpoint'):
        check_checkpoint(path)
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('data.pkl', 'x' * 1000)
    check_checkpoint(path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(CheckpointError, match=r'not a complete PyTorch checkpoint'):
        check_checkpoint(path)
    for place in (tmp_path, tmp_path / 'epoch_2.pth'):
        with pytest.raises(CheckpointError, match=r'Allowed: one of epoch_1\.pth'):
            check_checkpoint(place)


def test_nobody_is_told_about_losses_of_a_model_that_is_used(prepared, tmp_path, recwarn):
    cfg = shrink('unet_cbis', prepared, tmp_path)
    build_model(cfg)
    known = ('avg_non_ignore', 'would be deprecated')  # the second of the original mmseg
    assert not [one for one in recwarn if any(text in str(one.message) for text in known)]
    with pytest.warns(UserWarning, match='avg_non_ignore'):
        MODELS.build(cfg.model)

"""A backbone of a user: registered in a test, joined without an edit of the package."""

import pytest
import torch
from experiments import CONFIGS, shrink
from mmengine.model import BaseModule
from mmengine.runner import Runner
from mmseg.registry import MODELS
from torch import nn

from mmseg_mammo.engine.checkpoint import load_model
from mmseg_mammo.engine.config.edits import use_side
from mmseg_mammo.engine.config.input_side import check_side
from mmseg_mammo.errors import CheckpointError, MammoError
from mmseg_mammo.models.peft.trainable import Pretrained, pretrained_parts, train_only

PATCH = 14


@pytest.fixture(scope='module', autouse=True)
def backbone():
    """``PatchNet``: frozen patches from a file, and one trained layer on them."""

    class PatchNet(BaseModule):
        def __init__(self, *, width=8, pretrained=None):
            super().__init__()
            self.pretrained = pretrained
            self.patches = nn.Conv2d(3, width, PATCH, PATCH)
            self.tuned = nn.Conv2d(width, width, 1)
            train_only(self, self.tuned_parameters())

        def load_base(self):
            self.patches.load_state_dict(torch.load(self.pretrained))

        def init_weights(self):
            self.load_base()

        def tuned_parameters(self):
            return {'tuned.weight', 'tuned.bias'}

        @staticmethod
        def side_multiple(settings):
            return PATCH

        def forward(self, x):
            return (self.tuned(self.patches(x)),)

    MODELS.register_module(module=PatchNet)
    yield PatchNet
    MODELS.module_dict.pop('PatchNet')


@pytest.fixture(scope='module')
def base(tmp_path_factory):
    path = tmp_path_factory.mktemp('weights') / 'patches.pth'
    torch.manual_seed(3)
    torch.save(nn.Conv2d(3, 8, PATCH, PATCH).state_dict(), path)
    return path


def config(data, work_dir, base, only=True):
    cfg = shrink('setr_pup_head_cbis', data, work_dir, epochs=1)
    cfg.model.backbone = dict(type='PatchNet', pretrained=str(base))
    cfg.model.decode_head.update(
        type='FCNHead', in_channels=8, num_convs=1, concat_input=False, in_index=-1
    )
    for key in ('up_scale', 'kernel_size'):
        cfg.model.decode_head.pop(key)
    use_side(cfg, 2 * PATCH)
    cfg.default_hooks.checkpoint.save_trained_only = only
    return cfg


@pytest.fixture(scope='module')
def trained(prepared, base, tmp_path_factory):
    """Checkpoints of one training without and with the frozen weights."""
    paths = {}
    for only in (True, False):
        folder = tmp_path_factory.mktemp('run')
        Runner.from_cfg(config(prepared, folder, base, only)).train()
        paths[only] = folder / 'epoch_1.pth'
    return paths


def test_it_fulfils_the_protocol_and_a_plain_module_does_not(backbone):
    assert isinstance(backbone(), Pretrained)
    assert not isinstance(nn.Conv2d(3, 8, 1), Pretrained)
    assert list(pretrained_parts(backbone())) == []  # no file is named


def test_its_checkpoints_leave_the_base_out_and_get_it_back(prepared, base, trained, tmp_path):
    small = torch.load(trained[True], weights_only=False)
    assert small['trained_only']['base'] == str(base)
    assert not any('patches' in name for name in small['state_dict'])
    assert any('backbone.tuned' in name for name in small['state_dict'])
    models = [load_model(config(prepared, tmp_path, base), trained[only]) for only in (True, False)]
    states = [model.state_dict() for model in models]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    assert torch.equal(states[0]['backbone.patches.weight'], torch.load(base)['weight'])


def test_another_base_is_refused(prepared, trained, tmp_path):
    other = tmp_path / 'other.pth'
    torch.save(nn.Conv2d(3, 8, PATCH, PATCH).state_dict(), other)
    with pytest.raises(CheckpointError, match=r'trained weights only, on top of .*patches\.pth'):
        load_model(config(prepared, tmp_path, other), trained[True])


@pytest.mark.slow
def test_a_whole_checkpoint_starts_a_training_without_the_file(prepared, trained, tmp_path):
    cfg = config(prepared, tmp_path / 'a', tmp_path / 'gone.pth')
    cfg.load_from = str(trained[False])
    Runner.from_cfg(cfg).train()
    before, after = (
        torch.load(path, weights_only=False)['trained_only']['fingerprint']
        for path in (trained[True], tmp_path / 'a' / 'epoch_1.pth')
    )
    assert before == after  # of the frozen weights
    cfg = config(prepared, tmp_path / 'b', tmp_path / 'gone.pth')
    with pytest.raises(FileNotFoundError):
        Runner.from_cfg(cfg).train()


def test_its_own_multiple_is_asked_of_the_side(prepared, base, tmp_path):
    cfg = config(prepared, tmp_path, base)
    for side in (14, 224, 238):
        check_side(cfg, side)
    for side in (225, 16, 512):
        with pytest.raises(MammoError, match=r'a multiple of 14 \(PatchNet asks for 14\), such as'):
            check_side(cfg, side)


def test_the_package_does_not_know_it():
    files = [*CONFIGS.parent.glob('mmseg_mammo/**/*.py'), *CONFIGS.glob('**/*.py')]
    assert not any('PatchNet' in path.read_text(encoding='utf-8') for path in files)

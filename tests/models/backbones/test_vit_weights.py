import numpy as np
import pytest
import torch
from vit_files import ARCH, DEPTH, WIDTH, jax_arrays, timm_vit

from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.models import VPTVisionTransformer


def ours(path, **options):
    options = {'img_size': 64, 'prompt_length': 0, 'final_norm': True, **options}
    backbone = VPTVisionTransformer(arch={**ARCH, **options.pop('arch', {})}, **options)
    backbone.pretrained = str(path)
    backbone.init_weights()
    return backbone


@pytest.fixture(scope='module')
def npz(tmp_path_factory):
    path = tmp_path_factory.mktemp('weights') / 'ViT.npz'
    np.savez(path, **jax_arrays())
    return path


def features_of_timm(model, images, layers):
    """Patch tokens after each of ``layers``, B×C×h×w; timm normalises the last one."""
    found = model.forward_intermediates(images, indices=layers, norm=False, intermediates_only=True)
    last = model.forward_features(images)[:, 1:].transpose(1, 2).unflatten(2, (4, 4))
    return [*found[:-1], last]


def assert_same_features(backbone, reference):
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    layers = list(range(DEPTH))
    features = features_of_timm(reference, images, layers)
    assert features[0].std() > 0.1
    for layer, (mine, theirs) in enumerate(zip(backbone(images), features, strict=True)):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-5, msg=f'layer {layer}')


def test_npz_gives_the_features_of_timms_own_loader(npz):
    reference = timm_vit()
    reference.load_pretrained(str(npz))
    assert_same_features(ours(npz, out_indices=[0, 1, 2]), reference)


def test_optimizer_prefixed_npz_is_the_same(npz, tmp_path):
    path = tmp_path / 'ViT.npz'
    np.savez(path, **{f'opt/target/{name}': value for name, value in jax_arrays().items()})
    for mine, theirs in zip(ours(path).parameters(), ours(npz).parameters(), strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_a_timm_state_dict_gives_timms_features(tmp_path, suffix):
    reference = timm_vit()
    path = tmp_path / f'timm{suffix}'
    if suffix == '.pth':
        torch.save(reference.state_dict(), path)
    else:
        from safetensors.torch import save_file

        save_file(reference.state_dict(), path)
    assert_same_features(ours(path, out_indices=[0, 1, 2]), reference)


def test_a_checkpoint_of_a_segmentor_gives_its_backbone(npz, tmp_path):
    trained = ours(npz)
    state = {f'backbone.{name}': value for name, value in trained.state_dict().items()}
    state['decode_head.conv_seg.weight'] = torch.zeros(1)
    state['presence_head.layers.0.weight'] = torch.zeros(1)
    torch.save({'meta': {}, 'state_dict': state}, tmp_path / 'epoch_1.pth')
    again = ours(tmp_path / 'epoch_1.pth')
    for name, value in trained.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_prompts_stay_as_initialised(npz):
    assert ours(npz, prompt_length=5).prompts.std() > 0.01


def test_another_image_size_resizes_the_position_embedding(npz):
    backbone = ours(npz, img_size=96)
    assert backbone.pos_embed.shape == (1, 37, WIDTH)
    assert torch.equal(backbone.pos_embed[:, 0], ours(npz).pos_embed[:, 0])


@pytest.mark.parametrize('size', [64, 96])
def test_without_class_token_its_position_goes_too(npz, size):
    backbone = ours(npz, with_cls_token=False, img_size=size)
    assert backbone.pos_embed.shape == (1, (size // 16) ** 2, WIDTH)
    if size == 64:
        assert torch.equal(backbone.pos_embed, ours(npz).pos_embed[:, 1:])


def test_the_final_norm_is_left_out_only_if_the_model_has_none(npz):
    assert not any(name.startswith('ln1') for name in ours(npz, final_norm=False).state_dict())
    expected = torch.from_numpy(jax_arrays()['Transformer/encoder_norm/scale'])
    assert torch.equal(ours(npz).ln1.weight, expected)


def rewrite(path, drop=(), add=()):
    arrays = {name: value for name, value in jax_arrays().items() if name not in drop}
    np.savez(path, **arrays, **{name: np.zeros(3, np.float32) for name in add})
    return path


def test_a_missing_tensor_is_refused(tmp_path):
    path = rewrite(tmp_path / 'w.npz', drop=['embedding/bias'])
    with pytest.raises(CheckpointError, match=r'w\.npz.*1 tensors.*patch_embed\.projection\.bias'):
        ours(path)


def test_an_unexplained_tensor_is_refused(tmp_path):
    path = rewrite(tmp_path / 'w.npz', add=['Transformer/registers'])
    with pytest.raises(CheckpointError, match=r'1 of its tensors have no place.*registers'):
        ours(path)


@pytest.mark.parametrize('arch', [{'num_layers': 4}, {'num_layers': 2}, {'embed_dims': 64}])
def test_another_architecture_is_refused(npz, arch):
    with pytest.raises(CheckpointError, match=r'does not fit this ViT.*model\.backbone\.arch'):
        ours(npz, arch=arch)


@pytest.mark.parametrize('name', ['w.npz', 'w.pth', 'w.safetensors'])
def test_an_incomplete_file_is_refused(npz, tmp_path, name):
    (tmp_path / name).write_bytes(npz.read_bytes()[:5000])
    with pytest.raises(CheckpointError, match=f'{name}: not readable.*incomplete download'):
        ours(tmp_path / name)


def test_a_missing_file_says_where_weights_come_from(tmp_path):
    with pytest.raises(CheckpointError, match=r'no such file.*docs/weights\.md'):
        ours(tmp_path / 'ViT-L_16.npz')

"""Which normalisation goes with which file of weights."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import timm
import torch
from mmseg.models import SegDataPreProcessor
from vit_files import ARCH, jax_arrays, timm_vit

from mmseg_mammo.errors import CheckpointError, MammoError
from mmseg_mammo.models import VPTVisionTransformer
from mmseg_mammo.models.backbones.vit_normalisation import (
    KNOWN,
    check_normalisation,
    normalisation_of,
)

HALF, IMAGENET = ([127.5] * 3, [127.5] * 3), ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])


def kind_of(found):
    values = found and (found.mean, found.std)
    return next((name for name, known in KNOWN.items() if values == known), values)


def loaded(path, **options):
    backbone = VPTVisionTransformer(arch=ARCH, img_size=64, prompt_length=0, **options)
    backbone.pretrained = str(path)
    backbone.load_base()
    return backbone


def check(backbone, statistics):
    mean, std = statistics
    preprocessor = SegDataPreProcessor(mean=mean, std=std, size=(64, 64))
    modules = backbone.modules
    check_normalisation(SimpleNamespace(modules=modules, data_preprocessor=preprocessor))


def save(path, content):
    torch.save(content, path)
    return path


def test_names_of_timm_mean_what_timm_says():
    """Every published ViT and DeiT whose name a rule knows, against timm's own settings."""
    names = [n for n in timm.list_pretrained() if n.startswith(('vit_', 'deit'))]
    seen = {}
    for name in names:
        found = normalisation_of(
            SimpleNamespace(suffix='.pth', name=f'{name}.pth', parent=NOWHERE), {}
        )
        if found:
            seen[name] = found
            settings = timm.get_pretrained_cfg(name)
            assert found.mean == pytest.approx([255 * v for v in settings.mean]), name
            assert found.std == pytest.approx([255 * v for v in settings.std]), name
    assert {kind_of(found) for found in seen.values()} == {'half', 'imagenet'}
    assert len(seen) > 50
    assert 'vit_large_patch16_224.augreg_in21k' in seen
    assert 'vit_large_patch16_224.mae' in seen


class NOWHERE:
    def __truediv__(self, name):
        return SimpleNamespace(name=name, read_text=lambda: '{}')


NOWHERE = NOWHERE()


@pytest.mark.parametrize(
    ('name', 'content', 'expected'),
    [
        ('w.pth', {}, None),
        ('w.pth', {'model': {'cls_token': 0}}, None),
        ('mae_pretrain_vit_large.pth', {'model': {}}, 'imagenet'),
        ('dino_vitbase16_pretrain.pth', {}, 'imagenet'),
        ('deit_base_patch16_224-b5f2ef4d.pth', {'model': {}}, 'imagenet'),
        ('jx_vit_large_p16_224-4ee7a4dc.pth', {}, 'half'),
        ('w.pth', {'model': {'mask_token': 0, 'decoder_embed.weight': 0}}, 'imagenet'),
        ('w.pth', {'teacher': {}, 'student': {}}, 'imagenet'),
        ('w.pth', {'model': {'dist_token': 0, 'head_dist.weight': 0}}, 'imagenet'),
        ('w.pth', {'pretrained_cfg': {'mean': (0.5,) * 3, 'std': (0.5,) * 3}}, 'half'),
        (
            'w.pth',
            {
                'data_preprocessor.mean': torch.tensor(IMAGENET[0]).view(-1, 1, 1).double(),
                'data_preprocessor.std': torch.tensor(IMAGENET[1]).view(-1, 1, 1).double(),
            },
            IMAGENET,
        ),
        # The config of a training says more than a name does.
        (
            'vit_large_patch16_224.mae.pth',
            {'meta': {'cfg': f'data_preprocessor = dict(mean={HALF[0]}, std={HALF[1]})'}},
            'half',
        ),
        (
            'w.pth',
            {
                'meta': {
                    'cfg': f'model = dict(data_preprocessor=dict(mean={HALF[0]}, std={HALF[1]}))'
                }
            },
            'half',
        ),
        (
            'w.pth',
            {'meta': {'cfg': "model = dict(data_preprocessor=dict(type='A'))"}},
            ((0,) * 3, (1,) * 3),
        ),
        ('w.pth', {'meta': {'cfg': 'import nothing_of_this_name'}}, None),
        ('w.npz', {'embedding/kernel': 0}, 'half'),
        ('w.npz', {'other': 0}, None),
    ],
)
def test_a_file_is_known_by_what_is_in_it_or_by_its_name(name, content, expected, tmp_path):
    found = normalisation_of(tmp_path / name, content)
    if expected is IMAGENET:
        assert (found.mean, found.std) == tuple(pytest.approx(v) for v in IMAGENET)
    else:
        assert kind_of(found) == expected


def test_the_model_hub_says_it_in_a_file_beside(tmp_path):
    settings = {'pretrained_cfg': {'mean': [0.485, 0.456, 0.406], 'std': [0.229, 0.224, 0.225]}}
    (tmp_path / 'config.json').write_text(json.dumps(settings))
    found = normalisation_of(tmp_path / 'model.safetensors', {})
    assert found.mean == pytest.approx(IMAGENET[0])
    assert found.source == 'config.json'


def test_a_config_that_normalises_otherwise_is_refused_with_what_to_set(tmp_path):
    path = save(tmp_path / 'vit_tiny_patch16_64.mae.pth', timm_vit().state_dict())
    check(loaded(path), IMAGENET)
    with pytest.raises(
        CheckpointError,
        match=r'mean=\[123\.675,116\.28,103\.53\]" "model\.data_preprocessor\.std=\[58\.395,57\.12,57\.375\]',
    ):
        check(loaded(path), HALF)
    check(loaded(path, pretrained_normalisation='config'), HALF)


def test_googles_files_pass_with_the_shipped_settings_alone(tmp_path):
    np.savez(tmp_path / 'ViT.npz', **jax_arrays())
    check(loaded(tmp_path / 'ViT.npz'), HALF)
    check(loaded(tmp_path / 'ViT.npz'), ([127.0] * 3, [128.0] * 3))  # half a grey level is nothing
    for other in (IMAGENET, (None, None)):
        with pytest.raises(CheckpointError, match=r'mean=\[127\.5,127\.5,127\.5\]'):
            check(loaded(tmp_path / 'ViT.npz'), other)


def test_a_file_that_does_not_say_needs_a_word(tmp_path):
    path = save(tmp_path / 'w.pth', timm_vit().state_dict())
    with pytest.raises(CheckpointError, match=r"does not say.*pretrained_normalisation='half'"):
        check(loaded(path), HALF)
    for said, statistics in (
        ('half', HALF),
        ('imagenet', IMAGENET),
        ('config', ([0] * 3, [9] * 3)),
    ):
        check(loaded(path, pretrained_normalisation=said), statistics)
    with pytest.raises(CheckpointError, match=r'model\.data_preprocessor has mean'):
        check(loaded(path, pretrained_normalisation='imagenet'), HALF)
    with pytest.raises(MammoError, match="'half', 'imagenet', 'config'"):
        loaded(path, pretrained_normalisation='imagnet')


def test_a_model_that_read_no_file_is_not_asked():
    check(VPTVisionTransformer(arch=ARCH, img_size=64, prompt_length=0), IMAGENET)


@pytest.mark.parametrize('wrap', ['mae', 'dino'])
def test_whole_pre_trainings_load_without_their_other_half(wrap, tmp_path):
    state = timm_vit().state_dict()
    if wrap == 'mae':
        extra = {'mask_token': torch.zeros(1), 'decoder_embed.weight': torch.zeros(1)}
        content = {'model': {**state, **extra}}
    else:
        names = {f'module.backbone.{name}': value for name, value in state.items()}
        content = {'teacher': names, 'student': names}
    backbone = loaded(save(tmp_path / 'w.pth', content))
    assert torch.equal(backbone.cls_token, state['cls_token'])
    check(backbone, IMAGENET)


def test_no_line_of_the_config_in_a_file_is_run(tmp_path):
    text = f"""
import os
os.mkdir({str(tmp_path / 'made')!r})
data_preprocessor = dict(mean={HALF[0]}, std={HALF[1]})
"""
    assert normalisation_of(tmp_path / 'w.pth', {'meta': {'cfg': text}}) is None
    assert not (tmp_path / 'made').exists()

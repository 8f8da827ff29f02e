"""Every shipped config: it resolves, uses nothing outside the repository, and builds."""

import ast
import copy
import random
from functools import cache, partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import torch
from experiments import in_one_step
from mmengine.config import Config
from mmengine.dataset import Compose
from mmseg.registry import MODELS

import mmseg_mammo  # noqa: F401 - only registration
from mmseg_mammo.engine.config.differences import input_differences
from mmseg_mammo.engine.config.edits import use_dataset
from mmseg_mammo.engine.two_stage.joined import joined_config
from mmseg_mammo.engine.two_stage.stages import check_stages, stage_config, use_candidates
from mmseg_mammo.engine.two_stage.views import check_views
from mmseg_mammo.inference.pipeline import build_image_steps
from mmseg_mammo.io.image import write_png
from mmseg_mammo.io.shipped import find_config, shipped_configs
from mmseg_mammo.models import SAMSegmentor, VPTVisionTransformer
from mmseg_mammo.models.peft.trainable import count_parameters

CONFIGS = Path(__file__).parents[1] / 'configs'
BASES = sorted(CONFIGS.glob('_base_/**/*.py'))
SHIPPED = sorted(p for p in CONFIGS.glob('**/*.py') if '_base_' not in p.parts)
# Of two stages; their models are in the configs of these.
STAGED = [path for path in SHIPPED if '\nstages = ' in path.read_text()]
# They have no model before they have a start: tests/engine/few.
FEW = [path for path in SHIPPED if path.parent.name == 'few']
EXPERIMENTS = [path for path in SHIPPED if path not in (*STAGED, *FEW)]


resolved = cache(Config.fromfile)
built = {}  # by model


def resolve(path):
    """A config of its own; files are read once."""
    return copy.deepcopy(resolved(path))


def build(cfg):
    """The model without memory for its weights, built once; not to be changed."""
    key = str(cfg.model)
    if key not in built:
        # A model in mmpretrain's LoRAModel reads the weights when it is built.
        unread = [patch.object(cls, 'load_base') for cls in (VPTVisionTransformer, SAMSegmentor)]
        with torch.device('meta'), unread[0], unread[1]:
            built[key] = MODELS.build(cfg.model)
    return built[key]


@pytest.fixture(scope='module', autouse=True)
def free():
    """Let go of the models after the last test of this file."""
    yield
    built.clear()


def bases_of(path):
    bases = Config._get_base_files(str(path))
    return {(path.parent / base).resolve() for base in bases}


def test_there_are_configs():
    assert len(EXPERIMENTS) >= 17
    assert len(BASES) >= 8


def test_a_pipeline_stands_in_one_file():
    """What follows from a copied pipeline is a model that is tested on other images."""
    found = {}
    for path in [*SHIPPED, *BASES]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.List) and len(node.elts) > 3 and 'Pack' in ast.unparse(node):
                found.setdefault(ast.unparse(node), []).append(path.name)
    assert len(found) >= 6
    assert {text: names for text, names in found.items() if len(names) > 1} == {}


def test_every_base_is_inside_the_repository_and_used():
    used = set()
    for path in [*SHIPPED, *BASES]:
        found = bases_of(path)
        assert found or path in BASES, path
        assert all(base.is_relative_to(CONFIGS) and base.is_file() for base in found), path
        used |= found
    assert set(BASES) <= used


@pytest.mark.parametrize('path', EXPERIMENTS, ids=lambda path: str(path.relative_to(CONFIGS)))
def test_it_resolves_and_builds(path):
    assert resolve(path).custom_imports.imports == ['mmseg_mammo']
    assert all(resolve(path).default_hooks.values())  # mmengine's runner fails on None
    model = build(resolve(path))
    assert not model.with_auxiliary_head
    if not isinstance(model, SAMSegmentor):
        assert model.decode_head.out_channels == 1
        assert model.decode_head.threshold == 0.5
    total, trained = count_parameters(model)
    assert 0 < trained <= total or 'zeroshot' in path.stem


@pytest.mark.parametrize('path', STAGED, ids=lambda path: path.stem)
def test_two_stages_see_one_image_and_are_one_model(path, tmp_path):
    cfg = resolve(path)
    cfg.work_dir = str(tmp_path)
    check_stages(cfg)
    finder, refiner = (stage_config(cfg, name) for name in ('finder', 'refiner'))
    use_candidates(refiner, tmp_path)
    check_views(cfg, finder, refiner)
    joined = joined_config(cfg, finder, refiner)
    assert tuple(joined.model.crop.size) == tuple(refiner.model.data_preprocessor.size)
    model = build(joined)
    assert type(model).__name__ == 'TwoStageSegmentor'
    parts = [count_parameters(build(stage))[0] for stage in (finder, refiner)]
    assert count_parameters(model)[0] == sum(parts)
    kinds = [step['type'] for step in joined.test_dataloader.dataset.pipeline]
    assert kinds.index('MammoCLAHE') < kinds.index('KeepFullImage') == kinds.index('Resize') - 1


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: str(path.relative_to(CONFIGS)))
def test_it_opens_with_the_command_that_runs_it(path):
    header = path.read_text().split('"""')[1]
    assert 'tools/' in header


def with_two_channels(cfg):
    cfg.model.decode_head.update(out_channels=2, threshold=None)
    return cfg


# Totals and trained with one output channel; two have 65 more in U-Net and 257 more in SETR.
PARAMETERS = {
    'unet_cbis': (28_986_561, 28_986_561, 65),
    'unet_adam_cbis': (28_986_561, 28_986_561, 65),
    'unet_adam_mass_cbis': (28_986_561, 28_986_561, 65),
    'unet_strong_cbis': (28_986_561, 28_986_561, 65),
    'unet_strong2_cbis': (28_986_561, 28_986_561, 65),
    'setr_pup_scratch_cbis': (307_432_705, 307_432_705, 257),
    'setr_pup_finetune_cbis': (307_432_705, 307_432_705, 257),
    'setr_pup_vpt_cbis': (308_661_505, 5_361_921, 257),
    'setr_pup_vpt_strong_cbis': (308_661_505, 5_361_921, 257),
    # The head alone is 4,133,121; 50 prompts before one layer are 51,200; biases of 24 layers
    # and of the patch embedding 271,360; LoRA 24 · 8 · (1024 + 3 · 1024).
    'setr_pup_head_cbis': (307_432_705, 4_133_121, 257),
    'setr_pup_vpt_shallow_cbis': (307_483_905, 4_184_321, 257),
    'setr_pup_bias_cbis': (307_432_705, 4_404_481, 257),
    'setr_pup_lora_cbis': (308_219_137, 4_919_553, 257),
    # A presence head is a norm of 2 · 2,048, a layer of 2,048 · 256 + 256, and one of 256 + 1.
    'unet_absence_cbis': (29_548_482, 29_548_482, 65),
    'setr_pup_vpt_absence_cbis': (309_190_402, 5_890_818, 257),
}


@pytest.mark.parametrize('name', PARAMETERS)
def test_parameters_are_exactly_those_of_the_thesis(name):
    """Tables I and III; the U-Net 28,986,626 and SETR-VPT's 5,362,178 trained in IV-D."""
    total, trained, second = PARAMETERS[name]
    cfg = resolve(find_config(name))
    assert count_parameters(build(cfg)) == (total, trained)
    found = count_parameters(build(with_two_channels(cfg)))
    assert found == (total + second, trained + second)


def test_setr_with_mmsegs_own_vit_has_the_thesiss_total(monkeypatch):
    """mmpretrain's patch embedding has a bias of 1,024 more, as the pre-trained file does."""
    cfg = with_two_channels(resolve(CONFIGS / 'setr_pup_finetune_cbis.py'))
    ours, _ = count_parameters(build(cfg))
    monkeypatch.setattr(torch, 'linspace', partial(torch.linspace, device='cpu'))  # it reads these
    arch = dict(embed_dims=1024, num_layers=24, num_heads=16, final_norm=False)
    cfg.model.backbone = dict(type='mmseg.VisionTransformer', **arch)
    assert count_parameters(build(cfg))[0] == 307_431_938 == ours - 1024
    cfg.model.backbone.final_norm = True
    assert count_parameters(build(cfg))[0] == 307_431_938 + 2048


def test_who_trains_with_the_dropout_of_mmsegs_setr():
    """configs/_base_/models/setr_pup.py of mmseg: drop_rate=0.1, and none of attention itself."""
    found = set()
    for path in (path for path in EXPERIMENTS if 'setr' in path.stem):
        backbone = resolve(path).model.backbone
        backbone = backbone.get('module', backbone)
        rates = {key: backbone[key] for key in backbone if 'drop' in key and backbone[key]}
        assert rates in ({}, {'drop_rate': 0.1})
        found |= {path.stem} if rates else set()
    assert found == {
        'setr_pup_scratch_cbis',
        'setr_pup_scratch_zgt',
        'setr_pup_finetune_cbis',
        'setr_pup_finetune_zgt',
        'setr_pup_finetune_fsdp_cbis',
    }


THESIS = [name for name in PARAMETERS if 'strong' not in name and 'absence' not in name]


@pytest.mark.parametrize('name', THESIS)
def test_the_recipe_is_the_thesiss(name):
    cfg = resolve(find_config(name))
    optimizer = cfg.optim_wrapper.optimizer
    algorithm = 'Adam' if 'adam' in name else 'AdamW'
    assert (optimizer.type, optimizer.lr, optimizer.betas) == (algorithm, 1e-4, (0.9, 0.999))
    factor = cfg.optim_wrapper.get('paramwise_cfg', {}).get('custom_keys', {})
    assert factor == ({'decode_head': {'lr_mult': 10}} if 'finetune' in name else {})
    assert cfg.model.decode_head.loss_decode == {
        'type': 'CrossEntropyLoss',
        'use_sigmoid': True,
        'loss_weight': 1.0,
    }
    finding = {'mass'} if 'mass' in name else {None}
    for split in ('train', 'val', 'test'):
        assert {cfg[f'{split}_dataloader'].dataset.get('finding')} == finding
    assert cfg.train_dataloader.batch_size == 16
    for pipeline in (cfg.train_pipeline, cfg.test_pipeline):
        steps = {step.type: step for step in pipeline}
        (resize,) = (step for name, step in steps.items() if 'Resize' in name)
        assert resize.scale == (224, 224)
        assert not resize.keep_ratio
        assert 'MammoCLAHE' in steps


# Encoder 308,278,272, prompt encoder 6,220, decoder 4,058,340; LoRA 24 · 8 · (1024 + 3 · 1024).
SAM_PARAMETERS = {
    'sam_zeroshot_cbis': (312_342_832, 0),
    'sam_finetune_cbis': (312_342_832, 312_342_832),
    'sam_finetune_iou_all_cbis': (312_342_832, 312_342_832),
    'sam_finetune_sam2_cbis': (312_342_832, 312_342_832),
    'sam_decoder_cbis': (312_342_832, 4_058_340),
    'sam_lora_cbis': (313_129_264, 4_844_772),
    # A token of 256 and three layers: 2 · (256² + 256) + 257.
    'sam_absence_cbis': (312_474_929, 312_474_929),
}
LOSSES = {
    'sam_finetune_cbis': ('mask+iou', 'best'),  # thesis III-B
    'sam_finetune_iou_all_cbis': ('mask+iou', 'all'),  # V-A2a
    'sam_finetune_sam2_cbis': ('mask', 'all'),
}


@pytest.mark.parametrize('name', SAM_PARAMETERS)
def test_sam_has_the_parameters_and_the_input_of_the_thesis(name):
    """Tables I and II; III-A3, III-B and IV-E."""
    cfg = resolve(find_config(name))
    assert count_parameters(build(cfg)) == SAM_PARAMETERS[name]
    steps = {step.type: step for step in cfg.test_pipeline}
    assert steps['Resize'].scale == (1024, 1024)
    assert not steps['Resize'].keep_ratio
    assert 'MammoCLAHE' not in steps
    assert cfg.test_dataloader.batch_size == 1
    assert cfg.model.train_prompts == dict(type='RandomPointSampler', points=1)
    assert cfg.model.test_prompts == dict(type='EDTCentreSampler')
    assert cfg.model.mask_choice == 'predicted_iou'
    loss = MODELS.build(cfg.model.loss)
    assert (loss.select_by, loss.iou_for) == LOSSES.get(name, LOSSES['sam_finetune_cbis'])
    assert loss.weights == (20, 1, 1)
    assert cfg.find_unused_parameters


@pytest.mark.parametrize('name', [name for name in SAM_PARAMETERS if 'zeroshot' not in name])
def test_sam_is_trained_one_image_at_a_time_by_the_thesiss_recipe(name):
    cfg = resolve(find_config(name))
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.betas) == ('AdamW', 1e-4, (0.9, 0.999))
    assert cfg.train_dataloader.batch_size == 1
    steps = [step.type for step in cfg.train_pipeline]
    assert steps == [
        'ReadMammogram',
        'MapIntensity',
        'LoadLesionMask',
        'ResizeMammogram',
        'PackMammogram',
    ]


def test_zero_shot_sam_has_no_training():
    assert not resolve(CONFIGS / 'sam_zeroshot_cbis.py').get('train_dataloader')


SOURCES = [
    path
    for name, path in shipped_configs().items()
    if name.endswith('_cbis') and not name.startswith('demo/') and path in EXPERIMENTS
]
TWINS = [
    (find_config(twin.stem.replace('_zgt', '_cbis')), twin) for twin in CONFIGS.glob('*_zgt.py')
]


@pytest.mark.parametrize('path', SOURCES, ids=lambda path: path.stem)
def test_each_loader_reads_its_own_split_and_evaluation_repeats_nothing(path):
    cfg = resolve(path)
    splits = ('test',) if 'zeroshot' in path.stem else ('train', 'val', 'test')
    for split in splits:
        assert cfg[f'{split}_dataloader'].dataset.split == split
    for loader in (cfg[f'{split}_dataloader'] for split in splits if split != 'train'):
        assert loader.sampler == dict(type='DefaultSampler', shuffle=False, round_up=False)


# What white and black become. ViT and U-Net: -1 and 1. SAM: (255 - mean) / std and -mean / std
# of each channel of SA-1B (segment_anything/modeling/sam.py).
MINUS_ONE_TO_ONE = ([1] * 3, [-1] * 3)
SA_1B = (
    [131.325 / 58.395, 138.72 / 57.12, 151.47 / 57.375],
    [-123.675 / 58.395, -116.28 / 57.12, -103.53 / 57.375],
)


@pytest.mark.parametrize('path', SOURCES, ids=lambda path: path.stem)
def test_batch_norm_counts_over_all_gpus(path):
    assert resolve(path).sync_bn == 'torch'
    assert dict(type='SyncAllBuffersHook') in resolve(path).custom_hooks


@pytest.mark.parametrize('path', SOURCES, ids=lambda path: path.stem)
def test_grey_levels_reach_the_model_as_its_weights_were_trained(path):
    cfg = resolve(path).model
    preprocess = MODELS.build({**cfg.data_preprocessor, 'size': None})
    white_and_black = torch.tensor([255.0, 0.0]).expand(3, 1, 2)
    packed = preprocess({'inputs': [white_and_black], 'data_samples': None})
    white, black = SA_1B if cfg.type == 'SAMSegmentor' else MINUS_ONE_TO_ONE
    torch.testing.assert_close(packed['inputs'][0, :, 0].T, torch.tensor([white, black]).float())


@pytest.mark.parametrize(('source', 'twin'), TWINS, ids=lambda path: path.stem)
def test_the_unseen_hospital_is_tested_with_the_model_of_the_source_and_nothing_is_trained(
    source, twin
):
    cbis, zgt = resolve(source), resolve(twin)
    assert zgt.test_dataloader.dataset.type == 'ZGTDataset'
    assert zgt.test_dataloader.dataset.split == 'test'
    assert 'train_dataloader' not in zgt
    ours, theirs = (build(cfg).state_dict() for cfg in (cbis, zgt))
    assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in theirs.items()}


WHOLE = [path for path in SOURCES if path.parent.name != 'two_stage']


@pytest.mark.parametrize('path', WHOLE, ids=lambda path: path.stem)
def test_the_option_dataset_does_what_a_config_of_the_unseen_hospital_does(path):
    """Most have no such config: ``test CONFIG CHECKPOINT --dataset zgt`` takes its place."""
    cfg = resolve(path)
    use_dataset(cfg, 'zgt', CONFIGS / '_base_' / 'datasets')
    kinds = {'unet': 'unet', 'setr': 'setr_pup_vpt', 'sam': 'sam_finetune'}
    zgt = resolve(find_config(f'{kinds[path.stem.partition("_")[0]]}_zgt'))
    if path.stem in OWN_STEPS:
        zgt.test_dataloader.dataset.pipeline = resolve(path).test_dataloader.dataset.pipeline
    for key in ('test_dataloader', 'test_evaluator', 'test_cfg'):
        assert cfg[key] == zgt[key], key


OWN_STEPS = ('unet_strong2_cbis',)  # tests prepare images as its training does
STRONG = [name for name in PARAMETERS if 'strong_' in name]


def test_the_second_edition_is_what_its_table_says():
    """The table of docs/recipes.md; head, sampling and schedule are those of the first edition."""
    cfg, first = map(resolve, map(find_config, ('unet_strong2_cbis', 'unet_strong_cbis')))
    head, size = cfg.model.decode_head, cfg.model.data_preprocessor.size
    for ours, theirs in (
        (head, first.model.decode_head),
        (cfg.train_dataloader.sampler, first.train_dataloader.sampler),
        (cfg.param_scheduler, first.param_scheduler),
        (cfg.default_hooks, first.default_hooks),
    ):
        assert ours == theirs
    steps = cfg.train_dataloader.dataset.pipeline
    names = [step.type for step in steps]
    assert names[2:6] == ['ShrinkMammogram', 'MammoCLAHE', 'LoadLesionMask', 'ResizeMammogram']
    assert (steps[2].long_side, steps[5].scale, steps[5].interpolation) == (800, size, 'area')
    assert names[6:] == ['RandomFlip', 'RandomLesionAffine', 'PackMammogram']
    affine = steps[7]
    assert (affine.prob, affine.degrees, affine.scale) == (0.7, 0, (1, 1))
    assert (affine.aspect, affine.shift) == ((0.55, 1), 0.05)
    assert input_differences(cfg, cfg) == []


@pytest.mark.parametrize('name', STRONG)
def test_the_strong_recipe_is_what_its_table_says(name):
    """The table of docs/recipes.md; the rate and the averaging are those that were measured."""
    cfg = resolve(find_config(name))
    head = cfg.model.decode_head
    losses = [(loss.type, loss.loss_weight) for loss in head.loss_decode]
    assert losses == [('CrossEntropyLoss', 1), ('LesionDiceLoss', 1)]
    assert head.init_cfg.bias_prob == 0.01
    names = [step.type for step in cfg.train_dataloader.dataset.pipeline]
    steps = dict(zip(names, cfg.train_dataloader.dataset.pipeline, strict=True))
    assert names.index('RandomIntensity') < names.index('MammoCLAHE')
    assert steps['RandomFlip'].prob == 0.5
    affine, intensity = steps['RandomLesionAffine'], steps['RandomIntensity']
    assert (affine.prob, affine.degrees, affine.scale, affine.shift) == (0.5, 15, (0.7, 1.5), 0.05)
    assert (intensity.prob, intensity.gamma) == (0.5, (0.7, 1.5))
    assert (intensity.contrast, intensity.brightness) == (0.2, 0.1)
    sampler = cfg.train_dataloader.sampler
    assert sampler == dict(type='LesionSizeSampler', power=0.5, limit=4.0, rare_large=True)
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ('AdamW', 1e-3, 0.01)
    warm_up, cosine = cfg.param_scheduler
    assert (warm_up.type, warm_up.begin, warm_up.end) == ('LinearLR', 0, 2)
    assert (cosine.type, cosine.begin, cosine.eta_min) == ('CosineAnnealingLR', 2, 0)
    assert 'end' not in cosine  # it follows max_epochs
    assert cfg.train_cfg.max_epochs == 60
    averaging = cfg.default_hooks.ema
    assert (averaging.type, averaging.ema_type) == ('EMAHook', 'MomentumAnnealingEMA')
    assert (averaging.momentum, averaging.gamma, averaging.update_buffers) == (0.01, 9, True)
    thesis = resolve(CONFIGS / 'unet_cbis.py')
    assert cfg.test_dataloader == thesis.test_dataloader


TRAINED = [path for path in EXPERIMENTS if resolve(path).get('train_dataloader')]
# What only training does to an image; everything else has to be the same in a test.
AUGMENTATION = ('RandomFlip', 'RandomLesionAffine', 'RandomIntensity', 'CropAroundLesion')


def image_settings(pipeline):
    """Steps that make the image, with every value that is set, in their order."""
    loading, steps = build_image_steps([step for step in pipeline if step.type not in AUGMENTATION])
    return [
        (
            type(s).__name__.replace('ResizeMammogram', 'Resize'),
            {key: value for key, value in vars(s).items() if value is not None},
        )
        for s in (loading, *steps)
    ]


@pytest.mark.parametrize('path', TRAINED, ids=lambda path: str(path.relative_to(CONFIGS)))
def test_an_image_is_tested_as_it_was_trained_with_value_by_value(path):
    cfg = resolve(path)
    trained = image_settings(cfg.train_dataloader.dataset.pipeline)
    assert trained[0][0] == 'MapIntensity'
    for split in ('val', 'test'):
        if loader := cfg.get(f'{split}_dataloader'):
            tested = image_settings(loader.dataset.pipeline)
            assert str(tested) == str(trained)
    if cfg.get('test_dataloader'):
        assert input_differences(cfg, cfg) == []


@pytest.mark.parametrize('path', EXPERIMENTS, ids=lambda path: str(path.relative_to(CONFIGS)))
def test_the_hosts_inference_finds_the_test_pipeline(path):
    """It renames the first step for arrays, and hands the settings of that on to its own."""
    cfg = resolve(path)
    assert cfg.test_pipeline[0] == dict(type='ReadMammogram')
    assert cfg.test_pipeline[1].type == 'MapIntensity'
    if cfg.get('test_dataloader'):
        assert cfg.test_dataloader.dataset.pipeline == cfg.test_pipeline


@pytest.mark.parametrize('name', ['unet_cbis', 'unet_strong_cbis', 'sam_cbis', 'sam_finetune_zgt'])
@pytest.mark.parametrize('top', [256, 4096, 65536])
def test_an_image_is_the_input_that_it_was_with_loading_in_one_step(name, top, tmp_path):
    levels = np.random.default_rng(0).integers(0, top, (90, 70))
    write_png(tmp_path / 'a.png', levels.astype(np.uint8 if top == 256 else np.uint16))
    cfg = resolve(find_config(name))
    for split in ('train', 'test'):
        if not cfg.get(f'{split}_dataloader'):
            continue
        packed = []
        for one in (cfg, in_one_step(cfg)):
            random.seed(0)
            np.random.seed(0)
            item = dict(img_path=str(tmp_path / 'a.png'), annotated='normal', seg_fields=[])
            packed.append(Compose(one[f'{split}_dataloader'].dataset.pipeline)(item))
        assert torch.equal(packed[0]['inputs'], packed[1]['inputs'])
        assert packed[0]['data_samples'].metainfo == packed[1]['data_samples'].metainfo


def test_the_demo_tests_what_it_inherits():
    for name in ('setr_pup_vpt_cbis.py', 'setr_pup_vpt_zgt.py'):
        full, demo = resolve(CONFIGS / name), resolve(CONFIGS / 'demo' / name)
        assert demo.model.backbone.type == full.model.backbone.type
        assert demo.test_dataloader.dataset.type == full.test_dataloader.dataset.type
        assert demo.test_pipeline == full.test_pipeline

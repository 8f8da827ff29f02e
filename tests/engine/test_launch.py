import zipfile
from argparse import Namespace

import pytest
from experiments import shrink
from mmengine.config import Config
from torch.utils.data import DataLoader, Dataset

from mmseg_mammo.engine.checkpoint import check_checkpoint
from mmseg_mammo.engine.config.checks import check_schedule
from mmseg_mammo.engine.config.edits import use_mixed_precision, use_side
from mmseg_mammo.engine.config.load import load_config
from mmseg_mammo.engine.config.shipped import find_config
from mmseg_mammo.engine.launch import run_tool
from mmseg_mammo.engine.runner import build_runner
from mmseg_mammo.errors import CheckpointError, DataFileError, MammoError


def arguments(config, **options):
    return Namespace(
        **{'config': str(config), 'cfg_options': None, 'work_dir': None, 'launcher': 'none'}
        | options
    )


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'setr.py'
    path.write_text("test_dataloader = dict(dataset=dict(type='A', data_root='a', pipeline=[1]))")
    return path


def test_the_work_folder_is_named_after_the_config_unless_given(config):
    assert load_config(arguments(config)).work_dir == 'work_dirs/setr'
    assert load_config(arguments(config, work_dir='w')).work_dir == 'w'


@pytest.mark.parametrize(
    ('name', 'text', 'said'),
    [
        ('c.py', 'model = dict(', 'SyntaxError'),
        ('c.py', 'model = absent', 'NameError'),
        ('c.py', "_base_ = './absent.py'", 'FileNotFoundError'),
        ('c.py', "custom_imports = dict(imports=['absent'])", 'ImportError'),
        ('c.json', '{', 'JSONDecodeError'),
        ('c.json', '[1]', 'not readable'),
        ('c.yaml', 'a: [1', 'ParserError'),
        ('c.txt', 'a = 1', 'py/yml/yaml/json'),
    ],
)
def test_a_config_that_cannot_be_read_is_named(name, text, said, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(MammoError, match=rf'{name}: not readable.*{said}|{said}'):
        load_config(arguments(tmp_path / name))
    with pytest.raises(MammoError, match='a folder, not a config'):
        load_config(arguments(tmp_path))


def test_configs_of_other_kinds_are_read(tmp_path):
    (tmp_path / 'c.json').write_text('{"work_dir": "w"}')
    (tmp_path / 'c.yaml').write_text('work_dir: w')
    assert all(
        load_config(arguments(tmp_path / name)).work_dir == 'w' for name in ('c.json', 'c.yaml')
    )


def test_options_that_another_argument_would_undo_are_refused(config):
    with pytest.raises(MammoError, match=r'launcher: no effect\. Allowed: --launcher'):
        load_config(arguments(config, cfg_options={'launcher': 'pytorch'}))
    assert load_config(arguments(config, device='cpu')).device == 'cpu'
    (config.parent / 'm.py').write_text('a = 1')
    with pytest.raises(MammoError, match=r'--split: .*no test_dataloader'):
        load_config(arguments(config.parent / 'm.py', split='val'))


@pytest.mark.parametrize(
    ('setting', 'said'),
    [
        ({'model.backbone.type': 'UNett'}, 'UNett of the config .* KeyError: UNett is not in'),
        ({'model.backbone.base_chanels': 4}, "UNet of the config .*'base_chanels'"),
        ({'visualizer.type': None}, 'of the config cannot be built'),
        ({'optim_wrapper': None}, 'the runner of the config .* should be either all None'),
        ({'custom_hooks': [{'type': 'Foo'}]}, 'Foo of the config'),
        ({'log_level': 'LOUD'}, 'the runner of the config .*LOUD'),
    ],
)
def test_what_the_host_cannot_build_ends_in_one_line(
    setting, said, prepared, tmp_path, monkeypatch
):
    cfg = shrink('unet_cbis', prepared, tmp_path)
    cfg.launcher = 'none'
    cfg.merge_from_dict(setting)
    with pytest.raises(SystemExit, match=f'^error: .*{said}') as stopped:
        run_tool(lambda: build_runner(cfg, 0))
    assert len(stopped.value.code) < 500
    assert 'MMSEG_MAMMO_TRACEBACK=1' in stopped.value.code
    monkeypatch.setenv('MMSEG_MAMMO_TRACEBACK', '1')
    with pytest.raises(Exception, match=r'.') as shown:
        run_tool(lambda: build_runner(cfg, 0))
    assert not isinstance(shown.value, SystemExit)


def test_a_fault_of_the_code_keeps_its_traceback():
    with pytest.raises(KeyError):
        run_tool(lambda: {}['a'])


def test_a_message_may_name_another_error():
    def fail():
        raise MammoError('c.py: not readable (SyntaxError: here)')

    with pytest.raises(SystemExit) as stopped:
        run_tool(fail)
    assert stopped.value.code == 'error: c.py: not readable (SyntaxError: here).'


def test_options_override_the_config(config):
    cfg = load_config(arguments(config, cfg_options={'test_dataloader.dataset.data_root': 'b'}))
    assert cfg.test_dataloader.dataset.data_root == 'b'


def test_a_missing_config_is_named(tmp_path):
    with pytest.raises(MammoError, match=r'absent\.py: no such config'):
        load_config(arguments(tmp_path / 'absent.py'))


def test_another_dataset_keeps_the_pipeline_and_gives_way_to_options(config):
    (config.parent / 'zgt.py').write_text(
        "test_dataloader = dict(dataset=dict(type='Z', data_root='z', pipeline=[2]))"
    )
    options = {'test_dataloader.dataset.data_root': 'b'}
    given = arguments(config, dataset='zgt', split='val', cfg_options=options)
    cfg = load_config(given, config.parent)
    assert cfg.test_dataloader.dataset == {
        'type': 'Z',
        'data_root': 'b',
        'split': 'val',
        'test_mode': True,
        'pipeline': [1],
    }


def test_any_prepared_folder_is_a_dataset(config, prepared):
    cfg = load_config(arguments(config, dataset=str(prepared)))
    found = cfg.test_dataloader.dataset
    assert (found.type, found.data_root, found.split) == (
        'MammographyDataset',
        str(prepared),
        'test',
    )


def test_an_unknown_dataset_says_which_there_are(config):
    with pytest.raises(MammoError, match=r'--dataset inbreast: neither.*or one of setr'):
        load_config(arguments(config, dataset='inbreast'), config.parent)


def test_mixed_precision_is_float16_on_gpus_unless_the_config_says_and_bfloat16_on_cpus(
    monkeypatch,
):
    expected = {'type': 'AmpOptimWrapper', 'loss_scale': 'dynamic'}
    bfloat16 = {'type': 'BFloat16OptimWrapper'}
    for gpu, given, found in ((True, 'OptimWrapper', expected), (False, 'OptimWrapper', bfloat16)):
        monkeypatch.setattr('torch.cuda.is_available', lambda gpu=gpu: gpu)
        cfg = Config({'optim_wrapper': {'type': given}})
        use_mixed_precision(cfg)
        assert cfg.optim_wrapper == found
    monkeypatch.setattr('torch.cuda.is_available', lambda: True)
    cfg = Config({'optim_wrapper': dict(bfloat16)})
    use_mixed_precision(cfg)
    assert cfg.optim_wrapper == bfloat16


def test_the_side_reaches_every_pipeline_the_preprocessor_and_the_backbone():
    cfg = Config.fromfile(find_config('setr_pup_vpt_strong_cbis'))
    use_side(cfg, 512)
    assert cfg.model.data_preprocessor.size == (512, 512)
    assert cfg.model.backbone.img_size == 512
    for split in ('train', 'val', 'test'):
        pipeline = cfg[f'{split}_dataloader'].dataset.pipeline
        assert [step.scale for step in pipeline if 'Resize' in step.type] == [(512, 512)]


def test_the_side_reaches_sam_and_its_padding():
    cfg = Config.fromfile(find_config('sam_lora_cbis'))
    cfg.model.data_preprocessor.test_cfg = dict(size=(1024, 1024))
    use_side(cfg, 512)
    assert cfg.model.image_encoder.module.img_size == 512
    assert cfg.model.data_preprocessor.size == (512, 512)
    assert cfg.model.data_preprocessor.test_cfg.size == (512, 512)


def test_any_default_hook_can_be_switched_off(prepared, tmp_path):
    cfg = shrink('unet_strong_cbis', prepared, tmp_path)
    cfg.launcher = 'none'
    assert 'EMAHook' in names(build_runner(cfg, 0))
    cfg = shrink('unet_strong_cbis', prepared, tmp_path)
    cfg.launcher = 'none'
    cfg.merge_from_dict({'default_hooks.ema': None, 'default_hooks.timer': None})
    assert not {'EMAHook', 'IterTimerHook'} & names(build_runner(cfg, 0))


@pytest.mark.parametrize(
    ('part', 'loop', 'refused'),
    [
        ({'begin': 2}, {'max_epochs': 2}, True),
        ({'begin': 2}, {'max_epochs': 3}, False),
        ({'begin': 2, 'end': 9}, {'max_epochs': 2}, False),  # a cut plan does train
        ({'begin': 200, 'by_epoch': False}, {'max_epochs': 3}, False),  # in steps
        ({'begin': 200, 'by_epoch': False}, {'max_iters': 200}, True),
    ],
)
def test_a_training_that_ends_before_its_schedule_begins_is_refused(part, loop, refused, tmp_path):
    part = {'type': 'CosineAnnealingLR', **part}
    for schedule in (part, [{'type': 'LinearLR', 'end': 2}, part]):
        cfg = Config({'param_scheduler': schedule, 'train_cfg': loop})
        if refused:
            with pytest.raises(
                MammoError, match=rf'CosineAnnealingLR .* begins at {part["begin"]}'
            ):
                check_schedule(cfg)
        else:
            check_schedule(cfg)


def test_a_runner_is_not_built_for_a_training_shorter_than_its_schedule(prepared, tmp_path):
    cfg = shrink('unet_strong_cbis', prepared, tmp_path / 'w', epochs=2)
    cfg.launcher = 'none'
    with pytest.raises(MammoError, match='max_epochs=3 or more'):
        build_runner(cfg, 0)
    assert not (tmp_path / 'w').exists()


def names(runner):
    return {type(hook).__name__ for hook in runner.hooks}


@pytest.mark.parametrize('side', [0, -16, 500])
def test_a_side_that_the_models_cannot_halve_is_refused(side):
    with pytest.raises(MammoError, match=rf'--side {side}. Allowed: a multiple of 16'):
        load_config(arguments(find_config('unet_strong_cbis'), side=side))


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


class Broken(Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        raise DataFileError('7.png: truncated', 'whole files', 'Copy it again')


@pytest.mark.parametrize('workers', [0, 1])
def test_bad_data_ends_in_one_line_also_from_a_loaders_worker(workers):
    with pytest.raises(SystemExit) as stopped:
        run_tool(lambda: list(DataLoader(Broken(), num_workers=workers)))
    assert stopped.value.code == 'error: 7.png: truncated. Allowed: whole files. Copy it again.'

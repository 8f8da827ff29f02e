"""Top-level keys: a slip of the pen is refused, every other variable is legal."""

import pytest
from experiments import CONFIGS
from mmengine.config import Config

from mmseg_mammo.engine.config.keys import RUNNER_KEYS, check_keys, distance, is_used, near_names
from mmseg_mammo.errors import MammoError

SHIPPED = sorted(p for p in CONFIGS.glob('**/*.py') if '_base_' not in p.parts)
# As MMSegmentation's configs are written; each name is used further down.
HOSTS = """
_base_ = ['./base.py']
norm_cfg = dict(type='SyncBN', requires_grad=True)
crop_size = (512, 512)
data = dict(root='a')
vae_cfg = dict(latent=4)
data_preprocessor = dict(type='SegDataPreProcessor', size=crop_size)
model = dict(data_preprocessor=data_preprocessor, norm=norm_cfg, vae=vae_cfg, **data)
img_ratios = [0.5, 1.0]
iou_metrics = ['mIoU']
cfg, tta, num_classes, dataset_type = 1, 2, 19, 'A'
tta_model = dict(type='SegTTAModel')
"""


def read(tmp_path, text, suffix='py'):
    (tmp_path / 'base.py').write_text("work = 'x'\n")
    path = tmp_path / f'config.{suffix}'
    path.write_text(text)
    return Config.fromfile(path)


def test_letters_are_counted():
    words = ('', 'train', 'trian', 'kitten', 'sitting', 'model', 'models')
    known = {
        ('train', 'trian'): 1,
        ('kitten', 'sitting'): 3,
        ('model', 'models'): 1,
        ('', 'train'): 5,
    }
    assert {pair: distance(*pair) for pair in known} == known
    assert all(distance(a, b) == distance(b, a) for a in words for b in words)
    assert near_names('modle', ['model', 'models', 'mode', 'work_dir']) == [
        'mode',
        'model',
        'models',
    ]


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: path.stem)
def test_shipped_configs_are_legal(path):
    check_keys(Config.fromfile(path))


def test_variables_as_the_hosts_users_write_them_are_legal(tmp_path):
    check_keys(read(tmp_path, HOSTS))


@pytest.mark.parametrize(
    ('slip', 'meant'),
    [
        ('train_dataloder', 'train_dataloader'),
        ('traindataloader', 'train_dataloader'),
        ('modle', 'model'),
        ('optim_wraper', 'optim_wrapper'),
        ('param_schedulers', 'param_scheduler'),
        ('default_hook', 'default_hooks'),
        ('visualiser', 'visualizer'),
        ('randomnes', 'randomness'),
        ('custom_import', 'custom_imports'),
        ('Load_from', 'load_from'),
    ],
)
@pytest.mark.parametrize('written', ['python', 'json', 'in one line', 'yaml', 'annotated'])
def test_a_slip_of_the_pen_is_refused_with_the_key_that_was_meant(slip, meant, written, tmp_path):
    text, suffix = {
        'python': (f'"""Sets {slip}."""\n{slip} = dict(a=1)  # {slip} of mine\n', 'py'),
        'annotated': (f'{slip}: dict = dict(a=1)\n', 'py'),
        'json': (f'{{"work_dir": "w",\n "{slip}": {{"a": 1}}}}', 'json'),
        'in one line': (f'{{"work_dir": "w", "{slip}": {{"a": 1}}}}', 'json'),
        'yaml': (f'work_dir: w\n{slip}:\n  a: 1\n', 'yaml'),
    }[written]
    with pytest.raises(MammoError, match=rf'nothing reads the key {slip}. Allowed: .*{meant}'):
        check_keys(read(tmp_path, text, suffix))


def test_the_same_name_is_legal_where_something_uses_it(tmp_path):
    for use in (
        'model = dict(a=modle)',
        'model = dict(**modle)',
        "model = dict(a='x', b=modle['c'])",
    ):
        check_keys(read(tmp_path, f'modle = dict(c=1)\n{use}\n'))
    inherited = "_base_ = './base.py'\nmodel = dict(a=_base_.modle)\n"
    (tmp_path / 'config.py').write_text(inherited)
    (tmp_path / 'base.py').write_text('modle = dict(c=1)\n')
    check_keys(Config.fromfile(tmp_path / 'config.py'))


def test_pure_python_configs_are_legal_and_their_slips_refused(tmp_path):
    (tmp_path / 'style.py').write_text(
        'from torch.optim import AdamW\nnorm_cfg = dict(type="BN")\n'
        'optim_wrapper = dict(optimizer=dict(type=AdamW, norm=norm_cfg))\n'
    )
    text = (
        'from mmengine.config import read_base\nwith read_base():\n    from .style import *\n'
        'optim_wrapper.update(clip_grad=None)\n'
    )
    cfg = read(tmp_path, text)
    check_keys(cfg)
    assert is_used(cfg, 'norm_cfg')  # its base says so
    with pytest.raises(MammoError, match='nothing reads the key optim_wraper'):
        check_keys(read(tmp_path, f'{text}optim_wraper = dict(a=1)\n'))


def test_the_keys_are_those_of_both_runners():
    assert {'model', 'work_dir', 'strategy', 'custom_hooks', 'sync_bn', 'compile'} <= RUNNER_KEYS
    assert not {'self', 'cfg', 'vis_backends'} & RUNNER_KEYS

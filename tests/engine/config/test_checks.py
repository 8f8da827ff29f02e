"""What cannot be run is refused before anything is built."""

import pytest
from experiments import CONFIGS
from mmengine.config import Config

from mmseg_mammo.engine.config.checks import check_config, check_launcher, check_schedule
from mmseg_mammo.errors import MammoError

# Configs of two stages have no steps and no network of their own; those of their stages are here.
SHIPPED = sorted(
    p
    for p in CONFIGS.glob('**/*.py')
    # Those of few/ have no model before they have a start: tests/engine/few.
    if not {'_base_', 'few'} & {*p.parts} and '\nstages = ' not in p.read_text()
)


def config(**options):
    cfg = Config.fromfile(CONFIGS / 'unet_cbis.py')
    cfg.merge_from_dict({key.replace('__', '.'): value for key, value in options.items()})
    return cfg


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: path.stem)
def test_shipped_configs_pass(path):
    check_config(Config.fromfile(path))


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        *(
            (
                {f'{loader}_dataloader__batch_size': value},
                f'{loader}_dataloader.batch_size={value!r}',
            )
            for loader in ('train', 'val', 'test')
            for value in (0, -1, 2.5, 'four', True)
        ),
        ({'train_dataloader__num_workers': -1}, r'num_workers=-1. Allowed: a whole number from 0'),
        ({'train_dataloader__num_workers': '2'}, "num_workers='2'"),
        ({'train_cfg__max_epochs': 0}, 'train_cfg.max_epochs=0'),
        ({'train_cfg__val_interval': 0}, 'train_cfg.val_interval=0'),
        ({'load_from': 'nowhere.pth'}, 'load_from=nowhere.pth: no such file'),
        (
            {'optim_wrapper__optimizer__type': 'AdmW'},
            r"type='AdmW': no such optimiser. Allowed: .*AdamW",
        ),
        ({'model': None}, 'has no model'),
        (
            {'model__backbone__base_channels': 16},
            r'decode_head.in_channels=64, and model.backbone.base_channels=16.*in_channels=16 too',
        ),
        ({'train_dataloader__dataset__pipeline': []}, 'train_dataloader.dataset: no pipeline'),
        (
            {'val_dataloader__dataset__pipeline': [dict(type='LoadMammogram')]},
            'val_dataloader.dataset: nothing packs what LoadMammogram makes',
        ),
    ],
)
def test_what_cannot_run_is_named(options, said):
    with pytest.raises(MammoError, match=said):
        check_config(config(**options))


def test_a_head_is_as_wide_as_its_vit():
    cfg = Config.fromfile(CONFIGS / 'setr_pup_vpt_cbis.py')
    cfg.model.backbone.arch.embed_dims = 192
    with pytest.raises(MammoError, match=r'in_channels=1024, and .*arch.embed_dims=192'):
        check_config(cfg)
    cfg.model.decode_head.in_channels = 192
    check_config(cfg)


def wrapped(kind, *members, **more):
    inner = {'dataset': members[0]} if kind == 'RepeatDataset' else {'datasets': list(members)}
    return dict(type=kind, **inner, **more)


def test_members_of_wrappers_need_a_pipeline_each():
    whole = config().train_dataloader.dataset
    bare = {key: value for key, value in whole.items() if key != 'pipeline'}
    for dataset, place in (
        (wrapped('ConcatDataset', whole, bare), r'dataset\.datasets\.1: no pipeline'),
        (wrapped('RepeatDataset', bare, times=2), r'dataset\.dataset: no pipeline'),
        (
            wrapped('RepeatDataset', wrapped('ConcatDataset', bare), times=2),
            r'dataset\.dataset\.datasets\.0: no pipeline',
        ),
    ):
        cfg = config()
        cfg.train_dataloader.dataset = dataset
        with pytest.raises(MammoError, match=f'train_dataloader.{place}.*PackMammogram'):
            check_config(cfg)
    for dataset in (
        wrapped('ConcatDataset', whole, whole),
        dict(type='MultiImageMixDataset', dataset=bare, pipeline=whole.pipeline),
    ):
        cfg = config()
        cfg.train_dataloader.dataset = dataset
        check_config(cfg)


@pytest.mark.parametrize(
    ('launcher', 'who'),
    [('pytorch', 'torchrun'), ('slurm', 'srun'), ('mpi', "Open MPI's mpirun")],
)
def test_a_launcher_that_did_not_start_the_process_is_refused(launcher, who, monkeypatch):
    for name in ('RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK', 'LOCAL_RANK', 'MASTER_ADDR'):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(
        MammoError, match=rf'--launcher {launcher}: {who} did not start this process'
    ):
        check_launcher(launcher)
    check_launcher('none')


def test_a_process_of_torchrun_passes(monkeypatch):
    for name in ('RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT'):
        monkeypatch.setenv(name, '1')
    check_launcher('pytorch')


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

"""The command-line tools on a small SETR-VPT, and the same configs under mmseg's own tools."""

import csv
import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import cv2
import mmseg
import pytest
import torch
from experiments import shrink, write_base
from processes import in_processes

from mmseg_mammo.engine import work_dir

ROOT = Path(__file__).parents[1]
OURS = ROOT / 'tools'
THEIRS = Path(mmseg.__file__).parent / '.mim' / 'tools'
CBIS = str(ROOT / 'configs' / 'setr_pup_vpt_cbis.py')
ZGT = str(ROOT / 'configs' / 'setr_pup_vpt_zgt.py')
SMALL = (
    'model.backbone.arch.embed_dims=24',
    'model.backbone.arch.num_layers=2',
    'model.backbone.arch.num_heads=2',
    'model.backbone.arch.feedforward_channels=48',
    'model.backbone.prompt_length=4',
    'model.backbone.pretrained=None',
    'model.decode_head.in_channels=24',
    'model.decode_head.channels=8',
    'default_hooks.logger.interval=1',
)


def options(data, *loaders):
    found = [*SMALL]
    for loader in loaders:
        found += [f'{loader}_dataloader.dataset.data_root={data}']
        found += [f'{loader}_dataloader.{o}' for o in ('num_workers=0', 'batch_size=2')]
        found += [f'{loader}_dataloader.persistent_workers=False']
    return found


TRAINING = ('train', 'val', 'test')


def call(monkeypatch, tool, *arguments):
    """Run a tool in this process, as ``python tool arguments`` would."""
    monkeypatch.setattr(sys, 'argv', [str(tool), *map(str, arguments)])
    runpy.run_path(str(tool), run_name='__main__')


def alone(monkeypatch, tool, *arguments):
    """Run a tool in a process of its own, in which nothing is imported yet."""
    subprocess.run([sys.executable, *map(str, (tool, *arguments))], check=True, timeout=600)


def forked(port, *arguments):
    """Train in two processes that have the imports of this one and torchrun's environment."""
    in_processes(2, port, fork, [*map(str, arguments), '--launcher', 'pytorch'])


def fork(arguments):
    with pytest.MonkeyPatch.context() as monkeypatch:
        call(monkeypatch, OURS / 'train.py', *arguments)


def torchrun(port, *arguments):
    """Train in two processes, as users start them."""
    config, *more = map(str, arguments)
    command = ['bash', str(OURS / 'dist_train.sh'), config, '2', *more]
    subprocess.run(command, check=True, env=processes(port), timeout=300)


def scores(work_dir):
    (path,) = Path(work_dir).glob('*/test.json')
    return json.loads(path.read_text())['scores']


@pytest.fixture(scope='module')
def trained(prepared, tmp_path_factory):
    """Work folder of one epoch of tools/train.py."""
    work_dir = tmp_path_factory.mktemp('train')
    with pytest.MonkeyPatch.context() as monkeypatch:
        arguments = [CBIS, '--work-dir', work_dir, '--cfg-options', *options(prepared, *TRAINING)]
        call(monkeypatch, OURS / 'train.py', *arguments, 'train_cfg.max_epochs=1')
    return work_dir


def test_training_leaves_last_and_best_checkpoint_log_and_records(trained):
    assert (trained / 'epoch_1.pth').is_file()
    assert (trained / 'best_lesion_dice_epoch_1.pth').is_file()
    log = next(trained.glob('*/*.log')).read_text()
    assert 'Parameters: 36,721 total, 3,769 trained' in log
    (table,) = trained.glob('*/per_image_val.csv')
    assert len(list(csv.DictReader(table.open()))) == 2
    assert not [*trained.glob('*/lesions_*.csv'), *trained.glob('*/viewer')]


def test_a_second_training_does_not_overwrite_the_first(trained, prepared, monkeypatch):
    before = (trained / 'epoch_1.pth').read_bytes()
    arguments = [CBIS, '--work-dir', trained, '--cfg-options', *options(prepared, *TRAINING)]
    with pytest.raises(SystemExit, match=r'^error: .*would be overwritten.*--resume'):
        call(monkeypatch, OURS / 'train.py', *arguments)
    assert (trained / 'epoch_1.pth').read_bytes() == before


def test_testing_on_the_other_hospital_gives_scores_records_and_pictures(
    trained, prepared, tmp_path, monkeypatch
):
    arguments = [ZGT, trained / 'epoch_1.pth', '--work-dir', tmp_path, '--out', tmp_path / 'labels']
    call(monkeypatch, OURS / 'test.py', *arguments, '--cfg-options', *options(prepared, 'test'))
    check_labels(tmp_path)
    found = scores(tmp_path)
    assert (found['images'], found['lesion_images'], found['normal_images']) == (2, 1, 1)
    assert found['predict_nothing_iou'] == pytest.approx(50, abs=1e-3)
    (table,) = tmp_path.glob('*/per_image_test.csv')
    records = list(csv.DictReader(table.open()))
    assert [record['image'] for record in records] == ['images/6.png', 'images/7.png']
    assert {record['mask_kind'] for record in records} == {'phantom'}
    assert len(list(tmp_path.glob('*/overlays/*.png'))) == 2
    (table,) = tmp_path.glob('*/lesions_test.csv')
    lesions = list(csv.DictReader(table.open()))
    assert [row['image'] for row in lesions if row['kind'] == 'true'] == ['images/6.png']
    for record in records:
        (picture,) = tmp_path.glob(f'*/viewer/{record["key"]}.jpg')
        truth = picture.with_name(f'{record["key"]}_truth.png')
        assert truth.is_file() == (record['annotated'] == 'lesion')
    assert (tmp_path / '.starting.lock').is_file()  # runs of one second would share a folder
    (summary,) = tmp_path.glob('*/test.json')
    said = json.loads(summary.read_text(), parse_constant=pytest.fail)
    assert (said['checkpoint'], said['split']) == (str(trained / 'epoch_1.pth'), 'test')
    assert said['data_root'] == str(prepared)
    assert said['scores']['images'] == 2
    assert 'synthetic phantoms' in next(tmp_path.glob('*/*.log')).read_text()


def test_dataset_and_split_can_be_named_on_the_command_line(
    trained, prepared, tmp_path, monkeypatch
):
    """The zgt base names data/zgt; from another folder it can be a link, as here."""
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data' / 'zgt').symlink_to(prepared)
    monkeypatch.chdir(tmp_path)
    small = options(prepared, 'test')
    small.remove(f'test_dataloader.dataset.data_root={prepared}')
    arguments = [CBIS, trained / 'epoch_1.pth', '--work-dir', 'w', '--dataset', 'zgt']
    call(monkeypatch, OURS / 'test.py', *arguments, '--split', 'val', '--cfg-options', *small)
    (table,) = Path('w').glob('*/per_image_test.csv')
    assert [r['image'] for r in csv.DictReader(table.open())] == ['images/4.png', 'images/5.png']


def test_the_configs_run_under_mmsegs_own_tools(prepared, tmp_path, monkeypatch):
    arguments = [CBIS, '--work-dir', tmp_path / 'a', '--cfg-options', *options(prepared, *TRAINING)]
    call(monkeypatch, THEIRS / 'train.py', *arguments, 'train_cfg.max_epochs=1')
    arguments = [ZGT, tmp_path / 'a' / 'epoch_1.pth', '--work-dir', tmp_path / 'b']
    arguments += ['--out', tmp_path / 'b' / 'labels']
    call(monkeypatch, THEIRS / 'test.py', *arguments, '--cfg-options', *options(prepared, 'test'))
    assert scores(tmp_path / 'b')['images'] == 2
    check_labels(tmp_path / 'b')


def check_labels(work_dir):
    """A test with --out leaves what was predicted, as the table counts it."""
    (table,) = work_dir.glob('*/per_image_test.csv')
    records = list(csv.DictReader(table.open()))
    found = sorted((work_dir / 'labels').iterdir())
    assert [path.stem for path in found] == [Path(r['image']).stem for r in records] == ['6', '7']
    for path, record in zip(found, records, strict=True):
        label = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert (label.shape, label.max() <= 1) == ((80, 64), True)
        assert label.sum() == int(record['predicted_pixels'])


@pytest.mark.parametrize('run', [call, pytest.param(alone, marks=pytest.mark.slow)])
def test_sam_trains_and_is_tested_under_mmsegs_own_tools(run, prepared, tmp_path, monkeypatch):
    """The decoder on cached embeddings, boxes as prompts of the test."""
    base = write_base(tmp_path / 'sam.pth', 'sam', prepared)
    cfg = shrink('sam_decoder_cbis', prepared, tmp_path / 'a', epochs=1, pretrained=base)
    cfg.model.test_prompts = dict(type='JitteredBoxSampler', jitter=0)
    cfg.dump(tmp_path / 'sam.py')
    run(monkeypatch, THEIRS / 'train.py', tmp_path / 'sam.py')
    arguments = [tmp_path / 'sam.py', tmp_path / 'a' / 'epoch_1.pth', '--work-dir', tmp_path / 'b']
    run(monkeypatch, THEIRS / 'test.py', *arguments)
    assert scores(tmp_path / 'b')['images'] == 2
    (table,) = (tmp_path / 'b').glob('*/per_image_test.csv')
    lesion, normal = csv.DictReader(table.open())
    assert {lesion['prompts_from'], normal['prompts_from']} == {'truth'}
    assert lesion['prompt_points'] == ''
    assert len(lesion['prompt_boxes'].split(':')) == 4
    assert float(lesion['hindsight_iou']) >= float(lesion['iou'])
    base, trained = torch.load(base), torch.load(tmp_path / 'a' / 'epoch_1.pth', weights_only=False)
    moved = {n for n, v in trained['state_dict'].items() if not torch.equal(v, base[n])}
    assert {name.split('.')[0] for name in moved} == {'mask_decoder'}


def test_training_resumes_and_moves_prompts_and_head_alone(
    trained, prepared, tmp_path, monkeypatch
):
    (tmp_path / 'epoch_1.pth').symlink_to(trained / 'epoch_1.pth')
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_1.pth'))
    arguments = [CBIS, '--work-dir', tmp_path, '--resume', '--cfg-options']
    small = [*options(prepared, *TRAINING), 'train_cfg.max_epochs=2']
    call(monkeypatch, OURS / 'train.py', *arguments, *small)
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'Epoch(train) [2][1/2]' in log
    assert 'Epoch(train) [1][1/2]' not in log
    before, after = (
        torch.load(folder / f'epoch_{epoch}.pth', weights_only=False)['state_dict']
        for folder, epoch in ((trained, 1), (tmp_path, 2))
    )
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert 'decode_head.conv_seg.weight' in moved
    assert {name for name in moved if name.startswith('backbone')} == {'backbone.prompts'}


@pytest.mark.parametrize('train', [forked, pytest.param(torchrun, marks=pytest.mark.slow)])
def test_two_processes_give_the_metrics_of_one(train, prepared, tmp_path, monkeypatch, free_port):
    """What two training processes found on their shares of val, one process finds on all of it.

    One of them has an image more than the other; no image is repeated.
    """
    small = [*options(prepared, *TRAINING), 'train_cfg.max_epochs=1']
    shared = ['val_dataloader.dataset.split=train', 'val_dataloader.dataset.indices=[1,2,3]']
    arguments = [CBIS, '--work-dir', tmp_path / 'two', '--cfg-options', *small, *shared]
    train(free_port, *arguments)
    one = ['--work-dir', tmp_path / 'one', '--split', 'train', '--cfg-options', *small]
    one.append('test_dataloader.dataset.indices=[1,2,3]')
    call(monkeypatch, OURS / 'test.py', CBIS, tmp_path / 'two' / 'epoch_1.pth', *one)
    tables = [tmp_path.glob('two/*/per_image_val.csv'), tmp_path.glob('one/*/per_image_test.csv')]
    two, one = (
        {record['image']: record for record in csv.DictReader(next(table).open())}
        for table in tables
    )
    assert sorted(two) == sorted(one) == ['images/1.png', 'images/2.png', 'images/3.png']
    for image, record in one.items():
        assert two[image]['predicted_pixels'] == record['predicted_pixels']
        expected = pytest.approx(float(record['max_probability']), rel=1e-5)
        assert float(two[image]['max_probability']) == expected


def test_one_and_two_processes_have_the_same_loss_on_the_same_batch(
    prepared, tmp_path, monkeypatch, free_port
):
    """Batches of four against two of two, over two steps. Group norm, whose statistics are those
    of an image: batch norm over processes is for GPUs only."""
    cfg = shrink('unet_cbis', prepared, tmp_path, epochs=2)
    group_norm = dict(type='GN', num_groups=2)
    cfg.model.backbone.norm_cfg = cfg.model.decode_head.norm_cfg = group_norm
    cfg.model.decode_head.dropout_ratio = 0
    cfg.optim_wrapper.optimizer = dict(type='SGD', lr=0.5)
    cfg.dump(tmp_path / 'small.py')
    size = 'train_dataloader.batch_size'
    one = [tmp_path / 'small.py', '--work-dir', tmp_path / 'one', '--cfg-options', f'{size}=4']
    call(monkeypatch, OURS / 'train.py', *one)
    two = [tmp_path / 'small.py', '--work-dir', tmp_path / 'two', '--cfg-options', f'{size}=2']
    forked(free_port, *two)
    losses = [run_of(tmp_path / folder)['losses'] for folder in ('one', 'two')]
    assert len(losses[0]) == 2
    assert losses[0][0] > losses[0][1]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5, abs=1e-6)


@pytest.mark.skipif(
    torch.__version__ < '2.4' and not torch.cuda.is_available(),
    reason='FSDP of torch before 2.4 is for GPUs only',
)
def test_a_model_split_over_two_processes_trains_as_a_whole_one(
    prepared, tmp_path, monkeypatch, free_port
):
    """FSDP: the same losses, whole checkpoints that a plain model loads, true parameter counts.

    One process has a validation image less than the other, and must not leave it alone.
    """
    cfg = shrink('setr_pup_finetune_fsdp_cbis', prepared, tmp_path, epochs=2)
    cfg.val_dataloader.batch_size = 1
    cfg.val_dataloader.dataset.update(split='train', indices=3)
    cfg.model.backbone.drop_rate = 0  # each process draws its own
    cfg.model.decode_head.norm_cfg = dict(type='GN', num_groups=2)
    cfg.optim_wrapper.optimizer = dict(type='SGD', lr=0.5)
    cfg.dump(tmp_path / 'split.py')
    for name in ('strategy', 'runner_type'):
        cfg.pop(name)
    cfg.dump(tmp_path / 'whole.py')
    one = [tmp_path / 'whole.py', '--work-dir', tmp_path / 'whole']
    call(monkeypatch, OURS / 'train.py', *one, '--cfg-options', 'train_dataloader.batch_size=4')
    forked(free_port, tmp_path / 'split.py', '--work-dir', tmp_path / 'split')
    runs = [run_of(tmp_path / name) for name in ('whole', 'split')]
    assert runs[0]['losses'][0] > runs[0]['losses'][1]
    assert runs[1]['losses'] == pytest.approx(runs[0]['losses'], rel=1e-5, abs=1e-6)
    assert len(runs[0]['validation']) == 2
    assert runs[1]['validation'] == pytest.approx(runs[0]['validation'], rel=1e-4)
    (table,) = (tmp_path / 'split').glob('*/per_image_val.csv')
    images = [record['image'] for record in csv.DictReader(table.open())]
    assert images == ['images/0.png', 'images/1.png', 'images/2.png']
    assert runs[1]['parameters'] == runs[0]['parameters']
    states = [
        torch.load(tmp_path / name / 'epoch_2.pth', weights_only=False)['state_dict']
        for name in ('whole', 'split')
    ]
    assert states[0].keys() == states[1].keys()
    for name, value in states[0].items():
        assert torch.allclose(value, states[1][name], atol=1e-5), name


def test_a_split_model_needs_several_processes(prepared, tmp_path, monkeypatch):
    shrink('setr_pup_finetune_fsdp_cbis', prepared, tmp_path).dump(tmp_path / 'split.py')
    with pytest.raises(SystemExit, match=r'FSDPStrategy with a single process.*dist_train\.sh'):
        call(monkeypatch, OURS / 'train.py', tmp_path / 'split.py', '--work-dir', tmp_path)


def run_of(folder):
    """Losses by epoch, of training and validation, and parameter counts that a run left."""
    log = next(folder.glob('*/*.log')).read_text()
    record = json.loads(next(folder.glob('*/run.json')).read_text())
    losses = [float(loss) for loss in re.findall(r'epoch_loss (\S+),', log)]
    validation = [float(loss) for loss in re.findall(r'val_loss: (\S+)', log)]
    return {'losses': losses, 'validation': validation, 'parameters': record['parameters']}


def processes(port):
    """The environment that torchrun's processes need here."""
    return os.environ | {
        'PORT': str(port),
        'PATH': f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}',
    }


@pytest.fixture
def fake_cluster(tmp_path, monkeypatch):
    """srun, scontrol and torchrun that write down what they are asked."""
    scripts = {
        'torchrun': 'printf "%s\\n" "$@" > "$ASKED.torchrun"',
        'scontrol': 'printf "node7\\nnode8\\n"',
        'srun': 'printf "%s\\n" "$@" > "$ASKED.srun"; while [[ $1 == --* ]]; do shift; done; '
        'SLURM_JOB_ID=123 SLURM_NNODES=2 SLURM_JOB_NODELIST=node[7-8] "$@"',
    }
    for name, body in scripts.items():
        (tmp_path / name).write_text(f'#!/usr/bin/env bash\n{body}\n')
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}{os.pathsep}{os.environ["PATH"]}')
    monkeypatch.setenv('ASKED', str(tmp_path / 'asked'))
    return lambda name: (tmp_path / f'asked.{name}').read_text().splitlines()


def test_slurm_train_starts_one_torchrun_per_node(fake_cluster, monkeypatch):
    for name, value in (('NODES', '2'), ('GPUS_PER_NODE', '4'), ('CPUS_PER_GPU', '6')):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv('SRUN_ARGS', '--time=24:00:00 --account=breast')
    options = ['--cfg-options', 'a=[1,2]', 'b=two words']
    command = ['bash', OURS / 'slurm_train.sh', 'gpu', 'my job', 'c.py', *options]
    subprocess.run(list(map(str, command)), check=True)
    asked = fake_cluster('srun')
    assert asked[: asked.index('bash')] == [
        '--partition=gpu',
        '--job-name=my job',
        '--nodes=2',
        '--ntasks=2',
        '--ntasks-per-node=1',
        '--gres=gpu:4',
        '--cpus-per-task=24',
        '--kill-on-bad-exit=1',
        '--time=24:00:00',
        '--account=breast',
    ]
    assert fake_cluster('torchrun') == [
        '--nnodes=2',
        '--nproc_per_node=4',
        '--rdzv_id=123',
        '--rdzv_backend=c10d',
        '--rdzv_endpoint=node7:20123',
        str(OURS / 'train.py'),
        'c.py',
        *options,
        '--launcher',
        'pytorch',
    ]


def test_slurm_train_takes_another_port_and_one_gpu_by_default(fake_cluster, monkeypatch):
    monkeypatch.setenv('PORT', '4711')
    command = ['bash', OURS / 'slurm_train.sh', 'gpu', 'job', 'c.py']
    subprocess.run(list(map(str, command)), check=True)
    assert {'--nodes=1', '--gres=gpu:1', '--cpus-per-task=8'} <= set(fake_cluster('srun'))
    assert '--rdzv_endpoint=node7:4711' in fake_cluster('torchrun')


@pytest.mark.parametrize('script', sorted(path.name for path in OURS.glob('*.sh')))
@pytest.mark.parametrize('asked', ['-h', '--help'])
def test_the_shell_scripts_help(script, asked):
    command = ['bash', str(OURS / script), asked]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f'tools/{script}' in said
    assert 'CONFIG' in said
    assert 'set -' not in said


@pytest.mark.parametrize('tool', sorted(path.name for path in OURS.glob('*.py')))
def test_every_tool_helps_and_does_nothing_else(tool, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    started = []
    monkeypatch.setattr(subprocess, 'run', lambda *a, **k: started.append(a))
    with pytest.raises(SystemExit) as ended:
        call(monkeypatch, OURS / tool, '--help')
    assert ended.value.code == 0
    assert f'usage: {tool}' in capsys.readouterr().out
    assert not started
    assert not [*tmp_path.iterdir()]


@pytest.mark.slow
def test_a_training_is_resumed_as_it_began_and_from_its_own_checkpoint(
    trained, prepared, tmp_path, monkeypatch
):
    """Where load_from names the file that it once started from, that is not gone on with."""
    (tmp_path / 'epoch_1.pth').symlink_to(trained / 'epoch_1.pth')
    (tmp_path / 'last_checkpoint').write_text('/where/it/was/epoch_1.pth')
    small = [*options(prepared, *TRAINING), 'train_cfg.max_epochs=2']
    arguments = [CBIS, '--work-dir', tmp_path, '--resume', '--cfg-options', *small]
    for more, said in (
        (['optim_wrapper.optimizer.lr=1'], r'lr is 1, was 0\.0001'),
        (['train_dataloader.dataset.finding=mass'], 'finding is mass, was None'),
        (['--side', '32'], r'size is \[32, 32\], was \[224, 224\]'),
    ):
        with pytest.raises(SystemExit, match=f'^error: --resume: another training.*{said}'):
            call(monkeypatch, OURS / 'train.py', *arguments, *more)
        for lock in work_dir._held:
            lock.close()
    call(monkeypatch, OURS / 'train.py', *arguments, f'load_from={trained / "epoch_1.pth"}')
    assert (tmp_path / 'epoch_2.pth').is_file()


def test_slurm_train_without_its_arguments_says_how_it_is_used():
    command = ['bash', str(OURS / 'slurm_train.sh'), 'gpu']
    failed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert failed.returncode != 0
    assert 'PARTITION JOB_NAME CONFIG' in failed.stderr


def test_dist_test_hands_its_arguments_on(fake_cluster):
    command = ['bash', OURS / 'dist_test.sh', 'c.py', 'e.pth', '3', '--split', 'val']
    subprocess.run(list(map(str, command)), check=True)
    asked = fake_cluster('torchrun')
    assert '--nproc_per_node=3' in asked
    script = [str(OURS / 'test.py'), 'c.py', 'e.pth', '--launcher', 'pytorch', '--split', 'val']
    assert asked[-7:] == script


def test_dist_train_hands_its_arguments_on(fake_cluster):
    command = ['bash', OURS / 'dist_train.sh', 'c.py', '3', '--cfg-options', 'a=b c']
    subprocess.run(list(map(str, command)), check=True)
    asked = fake_cluster('torchrun')
    assert {'--nnodes=1', '--nproc_per_node=3', '--master_port=29500'} <= set(asked)
    script = [str(OURS / 'train.py'), 'c.py', '--launcher', 'pytorch', '--cfg-options', 'a=b c']
    assert asked[-6:] == script


def test_a_checkpoint_of_another_model_ends_in_one_line(trained, prepared, tmp_path, monkeypatch):
    arguments = [CBIS, trained / 'epoch_1.pth', '--work-dir', tmp_path, '--cfg-options']
    small = [*options(prepared, 'test'), 'model.backbone.prompt_length=5']
    with pytest.raises(
        SystemExit, match=r'^error: The checkpoint .*epoch_1.pth is of another model.*prompts'
    ):
        call(monkeypatch, OURS / 'test.py', *arguments, *small)


def test_a_config_without_training_says_so(tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match=r'^error: .*zgt\.py has no training'):
        call(monkeypatch, OURS / 'train.py', ZGT, '--work-dir', tmp_path)


def test_a_benchmark_prints_a_row_for_each_batch_size_and_writes_them(
    prepared, tmp_path, monkeypatch, capsys
):
    out = tmp_path / 'benchmark.json'
    arguments = ['train', CBIS, '--out', out, '--against', 'timm', '--side', '32', '--amp']
    arguments += ['--batch-size', 1, 2, '--steps', 1, '--warmup', 1, '--data']
    settings = ['--cfg-options', *options(prepared, 'train')]
    call(monkeypatch, OURS / 'benchmark.py', *arguments, *settings)
    printed = capsys.readouterr().out
    found = json.loads(out.read_text(), parse_constant=pytest.fail)
    for row, images in zip(found['rows'], (1, 2), strict=True):
        assert (row['batch_size'], row['input']) == (images, [32, 32])
        assert row['precision'] == 'BFloat16OptimWrapper' or torch.cuda.is_available()
        ours, theirs = row['sides']
        assert theirs['loss'] == pytest.approx(ours['loss'], rel=1e-2)
        for name in ('ours', 'timm'):
            assert f'| setr_pup_vpt_cbis | 32×32 | {images} | {name} |' in printed
    assert str(out) in printed
    with pytest.raises(SystemExit, match=r'^error: .*benchmark\.json: it exists'):
        call(monkeypatch, OURS / 'benchmark.py', *arguments, *settings)


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        ((ZGT,), r'it has no training'),
        ((CBIS.replace('setr_pup_vpt', 'sam_zeroshot'),), r'it has no training'),
        (('setr_pup_finetune_fsdp_cbis',), r'a split model'),
        ((CBIS, '--against', 'timm', 'segment-anything'), r'segment-anything: no config here has'),
        ((CBIS, '--steps', 0), r'--steps 0. Allowed: numbers from 1 on'),
        ((CBIS, '--batch-size', 4, 0), r'--batch-size \[4, 0\]'),
    ],
)
def test_a_benchmark_says_what_it_cannot_measure(arguments, said, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=rf'^error: .*{said}'):
        call(monkeypatch, OURS / 'benchmark.py', 'train', *arguments)
    assert not [*tmp_path.iterdir()]

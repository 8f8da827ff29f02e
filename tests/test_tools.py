"""The files of tools/: thin scripts over the commands, launchers; and mmseg's own tools."""

import ast
import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import mmseg
import pytest
import torch
from experiments import shrink, write_base
from tool_calls import CBIS, OURS, TRAINING, ZGT, alone, call, check_labels, options, scores

from mmseg_mammo.cli.main import COMMANDS

THEIRS = Path(mmseg.__file__).parent / '.mim' / 'tools'


def test_the_configs_run_under_mmsegs_own_tools(prepared, tmp_path, monkeypatch):
    arguments = [CBIS, '--work-dir', tmp_path / 'a', '--cfg-options', *options(prepared, *TRAINING)]
    call(monkeypatch, THEIRS / 'train.py', *arguments, 'train_cfg.max_epochs=1')
    arguments = [ZGT, tmp_path / 'a' / 'epoch_1.pth', '--work-dir', tmp_path / 'b']
    arguments += ['--out', tmp_path / 'b' / 'labels']
    call(monkeypatch, THEIRS / 'test.py', *arguments, '--cfg-options', *options(prepared, 'test'))
    assert scores(tmp_path / 'b')['images'] == 2
    check_labels(tmp_path / 'b')


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
    assert 'CONFIG' in said or 'OUT' in said
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


@pytest.mark.parametrize('path', sorted(OURS.glob('*.py')), ids=lambda path: path.name)
def test_a_tool_is_three_lines_over_a_command(path):
    """One more and the import of os where the preparation and the report keep torch out."""
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree)
    without_docstring = ast.Module(tree.body[1:], [])
    statements = [node for node in ast.walk(without_docstring) if isinstance(node, ast.stmt)]
    environment = [node for node in statements if 'os' in ast.unparse(node).split('.')[0].split()]
    assert len(environment) in (0, 2)
    kinds = [type(node) for node in statements if node not in environment]
    assert sorted(kinds, key=str) == [ast.Expr, ast.If, ast.ImportFrom]
    (called,) = re.findall(r"run_tool\('(.*)'\)", path.read_text())
    assert called in COMMANDS


@pytest.mark.slow
def test_the_checks_of_a_gpu_run_without_one_and_go_on_where_they_stopped(tmp_path):
    environment = {**os.environ, 'PYTHON': sys.executable, 'WEIGHTS': str(tmp_path)}
    command = ['bash', str(OURS / 'gpu_checks.sh'), '--dry-run', str(tmp_path / 'out')]

    def run(seconds):
        own = {**environment, 'SECONDS_LEFT': str(seconds)}
        subprocess.run(command, env=own, check=True, capture_output=True, timeout=seconds + 60)
        return (tmp_path / 'out' / 'summary.tsv').read_text()

    assert 'setr_bf16\tno time left' in run(4)
    said = run(1500).splitlines()
    endings = dict(line.split('\t')[:2] for line in said)
    assert set(endings.values()) == {'ok'}
    assert len(endings) == 13
    for name in ('setr_bf16', 'setr_fp32', 'sam_bf16', 'loader', 'predict', 'processes'):
        assert (tmp_path / 'out' / f'{name}.json').stat().st_size
        assert (tmp_path / 'out' / f'{name}.png').is_file()
    assert 'segment-anything' in (tmp_path / 'out' / 'tables.md').read_text()
    assert run(60).splitlines() == said  # nothing is done again


def test_a_check_that_fails_does_not_stop_the_others(tmp_path):
    fake = tmp_path / 'python'
    fake.write_text('#!/bin/sh\ncase "$*" in *test_gpu.py*) exit 0;; *) exit 3;; esac\n')
    fake.chmod(0o755)
    command = ['bash', str(OURS / 'gpu_checks.sh'), '--dry-run', str(tmp_path / 'out')]
    ended = subprocess.run(
        command, env={**os.environ, 'PYTHON': str(fake)}, capture_output=True, check=False
    )
    said = (tmp_path / 'out' / 'summary.tsv').read_text()
    assert ended.returncode == 1
    assert 'tests\tok' in said
    assert said.count('failed (3)') == 12
    fake.write_text('#!/bin/sh\n')
    subprocess.run(
        command, env={**os.environ, 'PYTHON': str(fake)}, capture_output=True, check=True
    )

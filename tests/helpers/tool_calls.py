"""The tools as users start them, on a small SETR-VPT."""

import csv
import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from processes import in_processes

ROOT = Path(__file__).parents[2]
OURS = ROOT / 'tools'
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

"""Data that several tests share; made once per session, never taken from real patients.

The host is imported in the fixtures only: pytest-xdist's first process reads this file too, runs no
test, and would pay as much for the imports as a worker.
"""

import functools
import gc
import os
import signal
import socket
from pathlib import Path

# Each worker has a core. Threads that wait for each other cost more than tiny models gain. This is
# read when torch is imported, here and in the processes that tests start.
os.environ.setdefault('OMP_NUM_THREADS', '1')

import numpy as np
import pytest

pytest_plugins = ('dicom_files', 'tiny_models')

SHAPE = (80, 64)
# (split, patient, annotated, finding)
IMAGES = (
    ('train', 'A', 'lesion', 'mass'),
    ('train', 'A', 'lesion', 'calcification'),
    ('train', 'B', 'lesion', 'mass+calcification'),
    ('train', 'B', 'normal', ''),
    ('val', 'C', 'lesion', 'mass'),
    ('val', 'C', 'normal', ''),
    ('test', 'D', 'lesion', 'mass'),
    ('test', 'D', 'normal', ''),
    ('test', 'E', 'no', ''),
)


def pytest_collection_finish():
    """Take what was imported out of garbage collection, which data sets ask for when they open."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope='session')
def unformatted():
    """Leave the text of a config as it is, after checking its syntax.

    The host lays it out by yapf for each checkpoint, which takes most of a tiny training.
    Processes that tests start do so.
    """

    from mmseg_mammo import host

    def check(text, **_):
        compile(text, 'config', 'exec')
        return text, False

    host.formatter()

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr('yapf.yapflib.yapf_api.FormatCode', check)
        # Where mmengine has taken it already, as the original one does.
        monkeypatch.setattr('mmengine.config.config.FormatCode', check, raising=False)
        yield


@pytest.fixture(autouse=True, scope='session')
def runs_apart():
    """Let every runner start with a logger, message hub and visualizer of its own.

    The host finds them by a name and the second, and tiny trainings take less than a second.
    """
    from mmengine.logging import MessageHub, MMLogger
    from mmengine.registry import DefaultScope
    from mmengine.runner import FlexibleRunner, Runner
    from mmengine.visualization import Visualizer
    from mmseg.visualization import SegLocalVisualizer

    def apart(start):
        def initialise(self, *arguments, **settings):
            for kind in (MessageHub, MMLogger, DefaultScope, Visualizer, SegLocalVisualizer):
                kind._instance_dict.clear()
            start(self, *arguments, **settings)

        return functools.wraps(start)(initialise)

    with pytest.MonkeyPatch.context() as monkeypatch:
        for runner in (Runner, FlexibleRunner):
            monkeypatch.setattr(runner, '__init__', apart(runner.__init__))
        yield


@pytest.fixture(autouse=True)
def mmseg_scope():
    """Let configs name their types without a scope, as the runner does."""
    from mmengine.registry import init_default_scope

    init_default_scope('mmseg')


@pytest.fixture(autouse=True, scope='session')
def on_disk():
    """Take the temporary folder for one on a disk, which on some machines it is not."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr('mmseg_mammo.io.pixel_cache.place.in_memory', lambda _: False)
        yield


@pytest.fixture(autouse=True, scope='session')
def interruptible():
    """Hear Ctrl-C, which a shell lets its background jobs ignore."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def registration(monkeypatch):
    """Undo what the preparation tools set for their own process, where tests import them."""
    monkeypatch.setenv('MMSEG_MAMMO_REGISTER', '1')


@pytest.fixture(scope='session')
def prepared(tmp_path_factory) -> Path:
    """A prepared data set of nine 16-bit images of 80×64 pixels with round lesions."""
    import cv2

    from mmseg_mammo.io.image import write_png
    from mmseg_mammo.io.index import Row, write_index

    root = tmp_path_factory.mktemp('prepared')
    rng = np.random.default_rng(0)
    rows = []
    for number, (split, patient, annotated, finding) in enumerate(IMAGES):
        name = f'{number}.png'
        image = rng.integers(2000, 20000, SHAPE).astype(np.uint16)
        mask = np.zeros(SHAPE, np.uint8)
        if annotated == 'lesion':
            centre = (int(rng.integers(16, 48)), int(rng.integers(16, 64)))
            cv2.circle(mask, centre, 8, 255, -1)
            image[mask > 0] += 40000
            write_png(root / 'masks' / name, mask)
        write_png(root / 'images' / name, image)
        rows.append(
            Row(
                image=f'images/{name}',
                mask=f'masks/{name}' if annotated == 'lesion' else '',
                patient_id=patient,
                laterality='LEFT',
                view='MLO' if number % 2 else 'CC',
                split=split,
                finding=finding,
                pathology='malignant' if annotated == 'lesion' else '',
                density='2',
                annotated=annotated,
                mask_kind='phantom',
                source='test',
                original_height=SHAPE[0],
                original_width=SHAPE[1],
            )
        )
    write_index(root / 'index.csv', rows)
    return root


@pytest.fixture
def free_port() -> int:
    """A TCP port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


@pytest.fixture(scope='session')
def made(tmp_path_factory):
    """Work folders of two models and a promptable one, on two data sets. Not to be changed."""
    from runs import make_runs

    models = ('unet', 'setr_pup_vpt', 'sam_finetune')
    return make_runs(tmp_path_factory.mktemp('runs'), models, sam=('sam_finetune',))

"""Cells with a real model: trained on a part, tested on a part, and a look at the pool."""

import numpy as np
import pytest

from mmseg_mammo.engine import work_dir
from mmseg_mammo.engine.config.load import read_config
from mmseg_mammo.inference.predictor import Predictor
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.io.image import read_labels
from mmseg_mammo.studies.annotation.cells import look_at_pool, real_tools, run_test, train_part
from mmseg_mammo.studies.few.parts import write_part

IMAGES = {'images/0.png': 'train', 'images/2.png': 'train', 'images/6.png': 'test'}


@pytest.fixture
def few():
    cfg = read_config('few/unet_full')
    options = {'train_cfg.max_iters': 2, 'param_scheduler': None}
    for split in ('train', 'val', 'test'):
        options |= {
            f'{split}_dataloader.{name}': value
            for name, value in (
                ('batch_size', 2),
                ('num_workers', 0),
                ('persistent_workers', False),
            )
        }
    cfg.merge_from_dict(options)
    return cfg


def test_a_part_is_trained_on_and_tested_on(few, unet, prepared, tmp_path):
    part = write_part(prepared, tmp_path / 'cell' / 'index.csv', IMAGES)
    tools = real_tools(few, unet, prepared, 'cpu')
    checkpoint = tools.fit(part, tmp_path / 'cell' / 'training', 7)
    record = read_record(checkpoint)
    assert record['trained_on']['train']['images'] == 2
    assert record['config']['randomness']['seed'] == 7
    work_dir._held.pop().release()  # as when the process ends
    again = train_part(few, unet, part, tmp_path / 'cell' / 'training', 7)
    assert again == checkpoint  # a training that has ended is not begun anew
    (score,) = run_test(checkpoint, part, tmp_path / 'cell' / 'test')
    found = Predictor(checkpoint, device='cpu')(prepared / 'images' / '6.png').mask
    truth = read_labels(prepared / 'masks' / '6.png') > 0
    assert found.shape == truth.shape
    assert (score['image'], score['patient_id'], score['annotated']) == (
        'images/6.png',
        'D',
        'lesion',
    )
    assert 0 <= score['dice'] <= 1
    assert (score['dice'] > 0.01) == bool(np.logical_and(found, truth).any())


def test_the_pool_is_seen_by_the_names_of_its_index(unet, prepared, tmp_path):
    seen = look_at_pool(unet, prepared, ['images/3.png', 'images/1.png'], tmp_path / 'look', 'cpu')
    assert [one.key for one in seen] == ['images/1.png', 'images/3.png']
    assert {one.laterality for one in seen} == {'LEFT'}
    assert not (prepared / '.journal').exists()

"""A checkpoint of a two-stage model, from the command line to the mask of a DICOM file."""

import csv

import cv2
import numpy as np
import pytest
import torch
from tiny_models import write_blobs
from two_stage_models import save_two_stages

from mmseg_mammo.cli.main import main
from mmseg_mammo.engine.config.stored import read_stored_config
from mmseg_mammo.engine.config.test_output import (
    describe_test_output,
    has_presence,
    threshold_of,
    use_test_output,
)
from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference.onnx.export import export_onnx
from mmseg_mammo.inference.predictor import Predictor
from mmseg_mammo.inference.trained_model import TrainedModel
from mmseg_mammo.io.image import read_image, resize_image, write_png


@pytest.fixture(scope='module')
def two_stages(prepared, tmp_path_factory):
    return save_two_stages(tmp_path_factory.mktemp('two') / 'two.pth', prepared)


@pytest.mark.slow
def test_a_test_has_records_and_predict_the_same_masks(two_stages, prepared, tmp_path):
    labels, out = tmp_path / 'labels', tmp_path / 'out'
    main(['test', str(two_stages), '--work-dir', str(tmp_path / 'w'), '--out', str(labels)])
    (table,) = (tmp_path / 'w').glob('*/per_image_test.csv')
    records = list(csv.DictReader(table.open()))
    assert len(records) == 2
    assert all(0 < float(record['presence']) < 1 for record in records)
    assert not any(name.startswith('candidate_') for name in records[0])
    main(['predict', str(two_stages), str(prepared), '--split', 'test', '--out', str(out)])
    tested = {file.stem: cv2.imread(str(file), cv2.IMREAD_UNCHANGED) for file in labels.iterdir()}
    masks = list((out / 'masks').rglob('*.png'))
    assert len(masks) == 3  # one that nobody annotated too
    for name, label in tested.items():
        (mask,) = (file for file in masks if file.stem.endswith(name))
        assert np.array_equal(cv2.imread(str(mask), cv2.IMREAD_UNCHANGED) > 0, label > 0)


def test_an_original_gives_the_candidates_of_its_prepared_image(prepared, save_dicom, tmp_path):
    """In millimetres too: the header tells for one what the index tells for the other."""
    crop = {'size': (32, 32), 'share': 0.9, 'mm': 30.0}
    file = save_two_stages(tmp_path / 'm.pth', prepared, long_side=100, crop=crop)
    model = TrainedModel(read_stored_config(file), file, 'cpu')
    original = read_image(write_blobs(tmp_path / 'o.png', 3, (301, 207))) >> 4
    path = save_dicom(original, BitsStored=12, PixelSpacing=[0.3, 0.3])
    write_png(tmp_path / 'prepared.png', resize_image(read_image(path), (100, 69)))
    extent = {'extent_mm': (301 * 0.3, 207 * 0.3)}
    index = {'original_height': 301, 'original_width': 207, **extent}
    loaded = [
        model.load(path, {'spacing_mm': (0.3, 0.3)})[0],
        model.load(tmp_path / 'prepared.png', index)[0],
    ]
    with torch.no_grad():
        first, second = (
            model.model.test_step({key: [one[key]] for key in ('inputs', 'data_samples')})[0]
            for one in loaded
        )
    assert first.metainfo['candidates'] == second.metainfo['candidates']
    x0, _, x1, _ = first.metainfo['candidates'][0]['crop']
    assert x1 - x0 == round(30 / 0.3 / 3.01)
    assert first.metainfo['full_shape'] == (100, 69)
    assert first.seg_logits.data.shape == (2, 301, 207)
    assert Predictor(file)(path).mask.shape == (301, 207)


def test_its_config_has_presence_and_a_threshold(two_stages):
    cfg = read_stored_config(two_stages)
    assert has_presence(cfg)
    assert threshold_of(cfg) == 0.5
    use_test_output(cfg, threshold=0.3, presence_threshold=0.2)
    assert describe_test_output(cfg)['presence_threshold'] == 0.2
    assert cfg.test_evaluator.threshold == 0.3


def test_what_it_cannot_do_is_refused(two_stages, tmp_path):
    cfg = read_stored_config(two_stages)
    with pytest.raises(MammoError, match='TwoStageSegmentor as ONNX'):
        export_onnx(cfg, two_stages, tmp_path / 'm.onnx')
    with pytest.raises(MammoError, match='--tta with a two-stage model'):
        Predictor(two_stages, flip=True)
    steps = cfg.test_dataloader.dataset.pipeline
    steps[:] = [step for step in steps if step['type'] != 'KeepFullImage']
    image = write_blobs(tmp_path / 'a.png', 1)
    with pytest.raises(MammoError, match=r"a\.png: no pixels at full .*type='KeepFullImage'"):
        Predictor(two_stages, config=cfg)(image)

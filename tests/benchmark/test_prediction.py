"""Both sides predict the same mask; what is measured says so."""

import numpy as np
import pytest
from experiments import shrink

from mmseg_mammo.benchmark.prediction import (
    measure_command,
    measure_prediction,
    random_checkpoint,
    untrained_threshold,
)
from mmseg_mammo.inference.predictor import Predictor


@pytest.fixture
def predictor(prepared, tmp_path):
    def build(name):
        cfg = shrink(name, prepared, tmp_path)
        random_checkpoint(cfg, tmp_path / 'random.pth')
        image = prepared / 'images' / '0.png'
        first = Predictor(tmp_path / 'random.pth', config=cfg, device='cpu')
        threshold = untrained_threshold(first, image)
        return Predictor(
            tmp_path / 'random.pth', config=cfg, device='cpu', threshold=threshold
        ), image

    return build


def test_three_sides_with_equal_masks(predictor, prepared, tmp_path):
    ours, image = predictor('setr_pup_vpt_cbis')
    assert 0 < ours(image).mask.sum() < 80 * 64 / 100
    images = [image, prepared / 'images' / '1.png']
    found = measure_prediction(ours, images)
    names = ['ours', 'inference_model', "inference_model, mmseg's ViT"]
    assert [side['name'] for side in found['sides']] == names
    for side in found['sides']:
        assert len(side['seconds']) == len(side['cpu_seconds']) == 2
        assert side['median_seconds'] == np.median(side['seconds'])
        assert side['equal'] > 0.999
    assert found['sides'][1]['equal'] == 1
    assert found['ratios'].keys() == {*names[1:]}
    command = measure_command(ours, images, tmp_path / 'out')
    assert command['median_seconds'] > 0
    assert len([*(tmp_path / 'out' / 'masks').iterdir()]) == 2


def test_a_model_without_a_peer_has_two_sides(predictor):
    ours, image = predictor('unet_cbis')
    found = measure_prediction(ours, [image])
    assert [side['name'] for side in found['sides']] == ['ours', 'inference_model']

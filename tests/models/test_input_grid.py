"""What the network gave on its own grid reaches the comparison on that grid."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from sam_models import SIDE, meta_sam, our_sam, sample_of, square
from tiny_models import sample

from mmseg_mammo.evaluation.grids import prediction_origin, probability_on
from mmseg_mammo.evaluation.metric import MammographyMetric
from mmseg_mammo.io.shipped import find_config
from mmseg_mammo.models.input_grid import picture_shape, truth_on_input


def blob(radius, side=224, low=-6.0, high=2.0):
    """side×side logits of a disc, less sure of it than of the rest, as networks are."""
    mask = np.zeros((side, side), np.uint8)
    cv2.circle(mask, (side // 3, side // 2), radius, 1, -1)
    return torch.from_numpy(np.where(mask, high, low)).float()


def predicted(model, logits, shape, **facts):
    (found,) = model.postprocess_result(logits[None, None], [sample(shape, **facts)])
    return found.to_dict()


@pytest.mark.parametrize('radius', [0, 1, 2, 4])
@pytest.mark.parametrize('shape', [(2048, 1229), (1024, 500), (256, 150), (150, 256), (224, 224)])
def test_a_blob_of_any_size_is_whole_on_the_grid_that_it_was_predicted_on(radius, shape, model):
    logits = blob(radius)
    found = predicted(model, logits, shape)
    assert prediction_origin(found, (224, 224)) == 'network'
    assert torch.equal(probability_on(found, (224, 224)), logits.sigmoid())
    assert found['seg_logits']['data'].shape == (1, *shape)


@pytest.mark.parametrize('option', [dict(eval_size=224), dict(lesions=True)])
@pytest.mark.parametrize('kept', [True, False])
def test_both_counts_on_the_grid_are_of_it_and_the_record_says_so(option, kept, model):
    logits, shape = blob(1), (256, 150)
    found = predicted(model, logits, shape)
    if not kept:  # as of mmseg's own EncoderDecoder
        del found['input_logits']
    found['gt_sem_seg'] = {'data': torch.zeros(1, *shape)}
    metric = MammographyMetric(**option)
    metric.process(None, [found])
    metric.evaluate(1)
    (record,) = metric.records
    end = '' if 'eval_size' in option else '_224'
    assert record[f'prediction_from{end}'] == ('network' if kept else 'masks')
    assert (record[f'predicted_pixels{end}'] == 5) == kept


def test_a_network_of_another_side_is_compared_as_before(model):
    found = predicted(model, blob(4, side=112), (300, 200))
    assert prediction_origin(found, (224, 224)) == 'masks'
    assert prediction_origin(found, (112, 112)) == 'network'
    plain = {name: value for name, value in found.items() if name != 'input_logits'}
    assert torch.equal(probability_on(found, (224, 224)), probability_on(plain, (224, 224)))


def test_padding_is_left_out_and_a_flipped_picture_is_turned_back(model):
    logits = blob(2)
    half = predicted(model, logits, (400, 200), img_padding_size=[0, 112, 0, 0])
    assert half['input_logits']['data'].shape == (1, 224, 112)
    assert prediction_origin(half, (224, 224)) == 'masks'
    flipped = predicted(model, logits, (400, 200), flip=True, flip_direction='horizontal')
    assert torch.equal(flipped['input_logits']['data'][0], logits.sigmoid().flip(1))


@pytest.mark.parametrize('name', ['unet_cbis', 'setr_pup_vpt_zgt', 'unet_strong_cbis'])
def test_the_shipped_configs_keep_it(name):
    assert Config.fromfile(find_config(name)).model.type == 'InputGridEncoderDecoder'


def test_sam_keeps_its_candidates_on_its_own_grid_too():
    """The kept mask and the candidate that it is agree on that grid, as on that of the masks."""
    shape = (50, 41)
    truth = square(shape, 8, 10, 9) | square(shape, 30, 20, 8)
    given = sample_of(truth, shape)
    divided = dict(type='EDTCentreSampler', per_component=True)
    model = our_sam(meta_sam(), test_prompts=divided)
    image = torch.randn(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        (found,) = model.predict(image, [given])
    assert found.input_logits.data.shape == (2, SIDE, SIDE)
    assert found.input_candidates.data.shape == (3, SIDE, SIDE)
    assert found.input_best_of_each.data.shape == (1, SIDE, SIDE)
    for size, way in ((SIDE, 'network'), (40, 'masks')):
        metric = MammographyMetric(eval_size=size)
        metric.process(None, [found.to_dict()])
        metric.evaluate(1)
        (record,) = metric.records
        assert record['prediction_from'] == way
        assert record['hindsight_iou'] >= record['iou'] - 1e-12
        if record['chosen'] >= 0:
            assert record[f'candidate_{record["chosen"]}_iou'] == record['iou']


def test_without_padding_the_truth_is_stretched_to_the_input():
    truth = truth_on_input(sample_of(square((80, 40), 20, 10, 20), (80, 40)), (40, 40))
    assert truth.shape == (1, 40, 40)
    assert truth.dtype == torch.uint8
    rows, columns = truth[0].nonzero().T
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (10, 19, 10, 29)


def test_padding_is_ignored_and_the_picture_keeps_its_ratio():
    """80×40 pixels at half size are 40×20 of the 40×40 input; the other 800 are padding."""
    sample = sample_of(square((80, 40), 20, 10, 20), (80, 40), img_padding_size=(0, 20, 0, 0))
    assert picture_shape(sample, (40, 40)) == (40, 20)
    truth = truth_on_input(sample, (40, 40))
    assert (truth[0, :, 20:] == 255).all()
    assert truth[0, 10:20, 5:15].all()
    assert (truth == 1).sum() == 100
    assert (truth == 255).sum() == 800


def test_what_is_on_the_input_already_is_left_alone():
    mask = square((40, 40), 5, 5, 4).to(torch.uint8)
    mask[:, 30:] = 255
    sample = sample_of(mask, (80, 60), padding_size=(0, 10, 0, 0))
    assert truth_on_input(sample, (40, 40)) is sample.gt_sem_seg.data
    assert picture_shape(sample, (40, 40)) == (40, 30)

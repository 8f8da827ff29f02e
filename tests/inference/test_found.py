"""What several models, or a mirrored image, make together."""

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference.found import Found, found_in, merge, one_output, with_mirrored
from mmseg_mammo.models.test_output import TestOutput

OUTPUT = dict(threshold=0.5, temperature=1.0, breast_only=False)
PRESENCE = dict(presence_scale=2.0, presence_bias=-1.0)


def found(value, presence=None, mask=True):
    probability = np.array([[value, 0.1]], np.float32)
    logit = None if presence is None else float(np.log(presence / (1 - presence)))
    return Found(probability, probability > 0.5 if mask else None, presence, False, logit)


@pytest.mark.parametrize(('limit', 'closed'), [(0.374, False), (0.375, True), (None, False)])
def test_several_models_close_an_image_by_the_mean_of_their_presences(limit, closed):
    merged = merge([found(0.9, 0.25), found(0.6, 0.5)], OUTPUT | dict(presence_threshold=limit))
    assert merged.presence == 0.375
    assert (merged.closed, bool(merged.mask.any())) == (closed, not closed)
    assert merged.probability[0, 0] == pytest.approx(0.75)


def test_an_image_that_nothing_was_asked_of_is_closed_as_it_is_by_one_model():
    unasked = Found(np.zeros((1, 2), np.float32), np.zeros((1, 2), bool), 0.0, True, -np.inf)
    assert merge([unasked, unasked], OUTPUT | dict(presence_threshold=None)).closed


def test_one_model_has_cut_its_mask_itself():
    """Its threshold is its own: an output that closes more changes nothing."""
    alone = found(0.9, 0.2)
    assert merge([alone], OUTPUT | dict(presence_threshold=0.5)) is alone


def test_a_mirrored_image_counts_by_the_mean_of_the_raw_logits():
    output = TestOutput(presence_scale=2.0, presence_bias=-1.0)
    mean = with_mirrored(found(0.9, 0.9), found(0.5, 0.5), output)
    assert mean.presence == pytest.approx(output.presence(np.log(9) / 2))
    assert mean.mask is None
    merged = merge([mean], OUTPUT | dict(presence_threshold=0.9))
    assert (merged.closed, merged.mask.any()) == (True, False)
    assert with_mirrored(found(0.9), found(0.5), output).presence is None


def staged(ori_shape=(20, 10), full_shape=(20, 10)):
    """A sample of a model of two stages with one candidate."""
    candidate = {'x': 3.5, 'y': 7.5, 'crop': (-2, 4, 8, 14), 'score': 0.7, 'kept': True}
    meta = {'ori_shape': ori_shape, 'full_shape': full_shape, 'candidates': [candidate]}
    sample = SegDataSample(metainfo=meta)
    for name in ('seg_logits', 'pred_sem_seg'):
        sample.set_data({name: PixelData(data=torch.zeros(1, *ori_shape))})
    return sample


def test_candidates_are_in_pixels_of_the_mask():
    (same,) = found_in(staged()).candidates
    assert (same['x'], same['y'], same['crop']) == (3.5, 7.5, (-2, 4, 8, 14))
    (larger,) = found_in(staged(ori_shape=(60, 20))).candidates
    assert (larger['x'], larger['y'], larger['crop']) == (7.5, 23.5, (-4, 12, 16, 42))
    assert (larger['score'], larger['kept']) == (0.7, True)


def test_several_models_have_no_candidates_and_one_stage_has_none():
    one = found_in(staged())
    assert merge([one], OUTPUT).candidates == one.candidates
    assert merge([one, one], OUTPUT).candidates is None
    plain = staged()
    del plain.full_shape, plain.candidates
    assert found_in(plain).candidates is None


def test_models_without_presence_are_as_before():
    merged = merge([found(0.9), found(0.3)], OUTPUT)
    assert (merged.presence, merged.closed, merged.mask.tolist()) == (None, False, [[True, False]])
    assert one_output([OUTPUT, OUTPUT]) == OUTPUT


def test_models_with_and_without_mirror_images_are_each_named():
    both = [{**OUTPUT, 'flips': flips} for flips in (True, False)]
    assert one_output(both)['flips'] == [True, False]
    assert one_output(both[:1] * 2)['flips'] is True


def test_their_thresholds_have_a_mean_where_all_have_one():
    one, other = ({**OUTPUT, **PRESENCE, 'presence_threshold': limit} for limit in (0.2, 0.4))
    assert one_output([one]) == one
    assert one_output([one, other]) == {**OUTPUT, 'presence_threshold': pytest.approx(0.3)}
    none = {**OUTPUT, **PRESENCE, 'presence_threshold': None}
    assert one_output([none, none]) == {**OUTPUT, 'presence_threshold': None}
    for wrong in (none, OUTPUT):
        with pytest.raises(MammoError, match=r'presence_threshold 0\.2, [Nn]o'):
            one_output([one, wrong])


def test_what_is_no_number_is_refused():
    with pytest.raises(MammoError, match='not numbers'):
        merge([found(float('nan'))], OUTPUT)

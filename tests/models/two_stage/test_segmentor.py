import copy

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from two_stage_models import (
    SIDE,
    build_two_stages,
    full_sample,
    stage_model,
    two_stage_model,
)

from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.grids import lesion_probability
from mmseg_mammo.models.one_by_one import OneByOne, one_by_one
from mmseg_mammo.transforms.crops import crop_side

SHAPE = (90, 70)


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmseg')


def batch(count=2, seed=0, dtype=np.uint8, **meta):
    """Raw inputs and samples of ``count`` images."""
    generator = np.random.default_rng(seed)
    pixels = [generator.integers(0, np.iinfo(dtype).max, SHAPE).astype(dtype) for _ in range(count)]
    inputs = [torch.from_numpy(generator.integers(0, 255, (3, SIDE, SIDE))).float() for _ in pixels]
    return {'inputs': inputs, 'data_samples': [full_sample(one, **meta) for one in pixels]}


def noted(samples):
    return [sample.metainfo['candidates'] for sample in samples]


def test_candidates_are_noted_best_first_and_the_best_is_the_mask():
    samples = build_two_stages().test_step(batch())
    for sample in samples:
        found = sample.metainfo['candidates']
        assert 2 <= len(found) <= 5
        scores = [one['score'] for one in found]
        assert scores == sorted(scores, reverse=True)
        assert [one['kept'] for one in found] == [True] + [False] * (len(found) - 1)
        side = crop_side(SHAPE, 0.4)
        for one in found:
            x0, y0, x1, y1 = one['crop']
            assert (x1 - x0, y1 - y0) == (side, side)
            assert abs((x0 + x1 - 1) / 2 - one['x']) <= 0.5
            assert abs((y0 + y1 - 1) / 2 - one['y']) <= 0.5
            assert all(0 < one[name] < 1 for name in ('finder_score', 'refiner_max', 'score'))
            assert 0 < one['refiner_presence'] < 1
            assert one['refiner_presence'] != 0.5
        assert sample.metainfo['full_shape'] == SHAPE
        assert sample.seg_logits.data.shape == (2, *SHAPE)
        probability = lesion_probability(sample.seg_logits.data)
        x0, y0, x1, y1 = (max(0, place) for place in found[0]['crop'])
        outside = probability.clone()
        outside[y0:y1, x0:x1] = 0
        assert outside.max() == 0
        assert 0 < probability.max() <= found[0]['refiner_max'] + 1e-6
        assert torch.equal(sample.pred_sem_seg.data[0] > 0, probability > 0.5)
        presence = sample.metainfo['presence']
        assert presence == pytest.approx(found[0]['score'], abs=2e-6)
        assert sample.metainfo['closed'] is False


def test_it_is_what_its_stages_say_alone():
    model = build_two_stages()
    data = batch(1)
    [sample] = model.test_step(copy.deepcopy(data))
    best = sample.metainfo['candidates'][0]
    with torch.no_grad():
        alone = model.finder.test_step(copy.deepcopy(data))[0]
    assert best['finder_score'] <= float(lesion_probability(alone.input_logits.data).max())
    x0, y0, x1, y1 = best['crop']
    padded = np.pad(data['data_samples'][0].full_image.data[0].numpy(), 100)
    crop = padded[y0 + 100 : y1 + 100, x0 + 100 : x1 + 100]
    side = x1 - x0
    small = torch.from_numpy(cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA))
    asked = full_sample(crop, ori_shape=(side, side))
    [refined] = model.refiner.test_step(
        {'inputs': [small.expand(3, -1, -1)], 'data_samples': [asked]}
    )
    logits = refined.metainfo['presence_logit']
    assert best['refiner_presence'] == pytest.approx(1 / (1 + np.exp(-logits)), abs=1e-5)
    ours = lesion_probability(sample.seg_logits.data)
    theirs = lesion_probability(refined.seg_logits.data)
    top, left = max(y0, 0), max(x0, 0)
    bottom, right = min(y1, SHAPE[0]), min(x1, SHAPE[1])
    assert torch.allclose(
        ours[top:bottom, left:right],
        theirs[top - y0 : bottom - y0, left - x0 : right - x0],
        atol=1e-4,
    )


def test_batches_of_crops_and_images_one_by_one_change_nothing():
    data = batch(3)
    together = build_two_stages().test_step(copy.deepcopy(data))
    few = build_two_stages(crop={'size': (SIDE, SIDE), 'share': 0.4, 'batch': 2})
    with one_by_one(few):
        each = few.test_step(copy.deepcopy(data))
        assert isinstance(each, OneByOne)
        for one, other in zip(together, each, strict=True):
            assert torch.allclose(one.seg_logits.data, other.seg_logits.data, atol=1e-4)
            assert noted([one])[0][0]['crop'] == noted([other])[0][0]['crop']


def test_temperature_threshold_and_breast_only_are_followed():
    data = batch(1)
    [plain] = build_two_stages().test_step(copy.deepcopy(data))
    probability = lesion_probability(plain.seg_logits.data)
    cut = float(probability[probability > 0].median())
    changed = {'threshold': cut, 'temperature': 1.0}
    [cutted] = build_two_stages(test_output=changed).test_step(copy.deepcopy(data))
    assert torch.equal(cutted.pred_sem_seg.data[0] > 0, probability > cut)
    [kept] = build_two_stages(keep={'threshold': cut}).test_step(copy.deepcopy(data))
    assert torch.equal(kept.pred_sem_seg.data, cutted.pred_sem_seg.data)
    assert not torch.equal(kept.pred_sem_seg.data, plain.pred_sem_seg.data)
    everything = {'threshold': 0.0, 'temperature': 9.0}
    [warm] = build_two_stages(test_output=everything).test_step(copy.deepcopy(data))
    ours = warm.seg_logits.data[1]
    assert torch.allclose(ours[ours > -150], plain.seg_logits.data[1][ours > -150] / 9, atol=1e-5)
    # Where no candidate is, no threshold finds a lesion, whatever the temperature.
    assert torch.equal(warm.pred_sem_seg.data[0] > 0, ours > -150)
    half = copy.deepcopy(data)
    half['inputs'][0][:] = 0
    half['inputs'][0][:, :, : SIDE // 2] = 200
    [sample] = build_two_stages(
        test_output={'breast_only': True, 'threshold': 0.0}, keep={'count': 5}
    ).test_step(half)
    assert (sample.pred_sem_seg.data[0, :, -15:] == 0).all()
    assert noted([sample])[0][0]['kept']


def test_presence_closes_and_an_image_without_a_candidate_is_closed():
    data = batch(1)
    open_one = build_two_stages().test_step(copy.deepcopy(data))[0].metainfo['presence']
    strict = {'presence_threshold': min(1.0, open_one + 0.01)}
    [sample] = build_two_stages(test_output=strict).test_step(copy.deepcopy(data))
    assert sample.metainfo['closed']
    assert not sample.pred_sem_seg.data.any()
    [nothing] = build_two_stages(candidates={'min_score': 1.0}).test_step(copy.deepcopy(data))
    assert noted([nothing]) == [[]]
    assert (nothing.metainfo['presence'], nothing.metainfo['closed']) == (0.0, True)
    assert not nothing.pred_sem_seg.data.any()
    [low] = build_two_stages(keep={'min_score': 1.0}).test_step(copy.deepcopy(data))
    assert not low.metainfo['closed']
    assert not any(one['kept'] for one in noted([low])[0])
    assert lesion_probability(low.seg_logits.data).max() == 0


def test_the_crop_follows_millimetres_and_the_region_of_the_finder():
    def side(crop, **meta):
        model = build_two_stages(crop={'size': (SIDE, SIDE), **crop})
        [sample] = model.test_step(batch(1, **meta))
        x0, _, x1, _ = noted([sample])[0][0]['crop']
        return x1 - x0

    assert side({'share': 0.2}) == 18
    assert side({'share': 0.2, 'mm': 30}) == 18
    assert side({'share': 0.2, 'mm': 30}, extent_mm=(90.0, 70.0)) == 30
    assert side({'share': 0.1, 'factor': 100}) == 90


def test_16_bits_and_a_shrunk_original_are_taken_and_the_mask_is_on_its_grid():
    data = batch(1, dtype=np.uint16)
    data['data_samples'][0].set_metainfo({'ori_shape': (180, 140)})
    [sample] = build_two_stages().test_step(data)
    assert sample.metainfo['full_shape'] == SHAPE
    assert sample.seg_logits.data.shape == (2, 180, 140)
    assert sample.pred_sem_seg.data.shape == (1, 180, 140)


@pytest.mark.parametrize('name', ['sam_finetune_cbis', 'setr_pup_vpt_cbis', 'unet_cbis'])
def test_any_segmentor_refines(name):
    """A SAM is clicked; of a model without presence that is 0.5."""
    refiner = stage_model(name)
    model = build_two_stages(refiner=refiner)
    [sample] = model.test_step(batch(1))
    assert {one['refiner_presence'] for one in noted([sample])[0]} == {0.5}
    assert lesion_probability(sample.seg_logits.data).max() > 0


def test_a_sam_with_an_object_score_says_presence():
    model = build_two_stages(refiner=stage_model('absence/sam_absence_cbis'))
    [sample] = model.test_step(batch(1))
    assert 0.5 not in {one['refiner_presence'] for one in noted([sample])[0]}


def test_files_of_the_stages_are_not_read():
    refiner = stage_model('setr_pup_vpt_cbis')
    refiner['backbone']['pretrained'] = 'nowhere.pth'
    assert build_two_stages(refiner=refiner).refiner.backbone is not None


def test_what_cannot_be_is_refused():
    with pytest.raises(MammoError, match=r'TwoStageSegmentor trains nothing itself.*stages=dict'):
        build_two_stages().loss(torch.zeros(1, 3, SIDE, SIDE), [])
    with pytest.raises(MammoError, match='cannot predict without samples'):
        build_two_stages().predict(torch.zeros(1, 3, SIDE, SIDE))
    with pytest.raises(MammoError, match=r'model\.finder\.type=SAMSegmentor'):
        build_two_stages(finder=stage_model('sam_finetune_cbis'))
    with pytest.raises(MammoError, match='LoRA in a two-stage model'):
        build_two_stages(refiner=stage_model('tuning/setr_pup_lora_cbis'))
    other = {**stage_model()['data_preprocessor'], 'mean': [1.0, 1.0, 1.0]}
    with pytest.raises(MammoError, match=r'differs from model\.finder\.data_preprocessor'):
        build_two_stages(data_preprocessor=other)
    same = stage_model()['data_preprocessor']
    assert build_two_stages(data_preprocessor=same).data_preprocessor.mean.numel() == 3
    without = batch(1)
    del without['data_samples'][0].full_image
    with pytest.raises(MammoError, match='KeepFullImage'):
        build_two_stages().test_step(without)
    with pytest.raises(MammoError, match='a flipped input for a two-stage model'):
        build_two_stages().test_step(batch(1, flip=True, flip_direction='horizontal'))


def test_the_raw_output_is_that_of_the_finder():
    model = build_two_stages()
    inputs = torch.rand(1, 3, SIDE, SIDE)
    with torch.no_grad():
        assert torch.equal(model(inputs), model.finder(inputs))
    assert {name.split('.')[0] for name in model.state_dict()} == {'finder', 'refiner'}


def test_settings_are_not_changed():
    settings = two_stage_model(refiner=stage_model('sam_finetune_cbis'))
    before = copy.deepcopy(settings)
    build_two_stages(**{k: v for k, v in settings.items() if k != 'type'})
    assert settings == before

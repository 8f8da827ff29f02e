"""SAM as a segmentor: as segment-anything predicts, trained where the config says so."""

import pytest
import torch
import torch.nn.functional as F
from experiments import shrink
from mmengine.analysis import FlopAnalyzer
from mmengine.optim import build_optim_wrapper
from mmengine.runner import Runner
from mmseg.registry import MODELS
from sam_models import SIDE, meta_sam, our_config, our_sam, sample_of, square

from mmseg_mammo.engine.checkpoint import check_checkpoint
from mmseg_mammo.engine.loops import sample_on_grid
from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.grids import lesion_probability
from mmseg_mammo.evaluation.metric import MammographyMetric
from mmseg_mammo.models.one_by_one import one_by_one
from mmseg_mammo.models.peft.trainable import count_parameters
from mmseg_mammo.models.prompts.interaction import prompts_from_metainfo
from mmseg_mammo.models.sam.mask_decoder import Round, decode
from mmseg_mammo.models.test_output import TestOutput
from mmseg_mammo.transforms import LoadPrompts

RANDOM = dict(type='RandomPointSampler', points=2)
BOXES = dict(type='JitteredBoxSampler')
CLICKS = dict(type='ErrorPointSampler', first=RANDOM, rounds=2)
# Two objects of the first image, one of the second, in pixels of the prepared images.
GIVEN = (
    dict(points=[[[9.0, 19.0]], [[30.0, 40.0]]], labels=[[1], [1]], boxes=None),
    dict(points=[[[12.0, 50.0], [3.0, 4.0]]], labels=[[1, 0]], boxes=[[5.0, 5.0, 40.0, 60.0]]),
)
SHAPES = ((80, 56), (48, 64))


@pytest.fixture(scope='module')
def weights():
    return meta_sam()


def pictures(count=2, side=SIDE, width=SIDE, seed=0):
    """Images with grey levels from 0 to 255, as the pipeline packs them."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(3, side, width, generator=generator) * 255 for _ in range(count)]


def normalised(model, images):
    samples = [sample_of() for _ in images]
    return model.data_preprocessor({'inputs': images, 'data_samples': samples})['inputs']


def given_samples():
    pairs = zip(SHAPES, GIVEN, strict=True)
    return [sample_of(shape=shape, prompts=given) for shape, given in pairs]


def test_a_batch_is_predicted_as_segment_anything_predicts_its_images(weights):
    """Sam.forward on the same pixels and prompts, its masks on the grid of the prepared image."""
    model = our_sam(weights, prompts_from='given')
    images = pictures()
    with torch.no_grad():
        found = model.predict(normalised(model, images), given_samples())
    for sample, image, shape, given in zip(found, images, SHAPES, GIVEN, strict=True):
        scale = torch.tensor([SIDE / shape[1], SIDE / shape[0]])
        to_input = lambda places, s=scale: (torch.tensor(places) + 0.5) * s - 0.5
        request = {
            'image': image,
            'original_size': shape,
            'point_coords': to_input(given['points']),
            'point_labels': torch.tensor(given['labels']),
        }
        if given['boxes']:
            request['boxes'] = to_input(given['boxes'][0], scale.repeat(2))[None]
        (theirs,) = weights([request], multimask_output=True)
        best = theirs['iou_predictions'].argmax(dim=1)
        low = torch.stack(
            [one[number] for one, number in zip(theirs['low_res_logits'], best, strict=True)]
        )
        union = F.interpolate(low[None], (SIDE, SIDE), mode='bilinear').amax(dim=1, keepdim=True)
        expected = F.interpolate(union, shape, mode='bilinear')[0, 0]
        torch.testing.assert_close(sample.seg_logits.data[1], expected, rtol=1e-4, atol=1e-4)
        assert (sample.seg_logits.data[0] == 0).all()
        assert torch.equal(sample.pred_sem_seg.data[0] > 0, sample.seg_logits.data[1] > 0)
        # The union of two objects is taken before the last resizing, not after it.
        differs = ((sample.candidates.data > 0) != theirs['masks'].any(dim=0)).float().mean()
        assert differs < (1e-2 if len(best) > 1 else 1e-3)
        predicted = theirs['iou_predictions'][0].tolist() if len(best) == 1 else [torch.nan] * 3
        assert sample.candidate_iou == pytest.approx(predicted, rel=1e-4, nan_ok=True)
        assert sample.chosen == (best[0] if (best == best[0]).all() else -1)
        assert sample.prompts_from == 'given'


def test_prompts_are_told_on_the_grid_of_the_prepared_image(weights):
    model = our_sam(weights, prompts_from='given')
    first, second = model.predict(normalised(model, pictures()), given_samples())
    assert torch.tensor(first.prompt_points).allclose(
        torch.tensor([[9.0, 19, 1], [30, 40, 1]]), atol=1e-4
    )
    assert second.prompt_boxes[0] == pytest.approx(GIVEN[1]['boxes'][0], abs=1e-4)


@pytest.mark.parametrize(('coordinates', 'factor'), [('prepared', 1), ('original', 2)])
@pytest.mark.parametrize('sampler', [dict(type='EDTCentreSampler'), BOXES], ids=['point', 'box'])
def test_prompts_at_the_places_of_those_from_the_truth_give_the_same_masks(
    sampler, coordinates, factor, weights, tmp_path
):
    """From a table in pixels of the prepared image, or of an original of twice the size."""
    inputs = normalised(our_sam(weights), pictures(1))
    truth, shape = square(top=20, left=10) | square(top=50, left=30), (80, 56)
    sampler = dict(sampler, per_component=True)
    (expected,) = our_sam(weights, test_prompts=sampler).predict(inputs, [sample_of(truth)])
    enlarged = lambda places: ','.join(str((float(v) + 0.5) * factor - 0.5) for v in places)
    points, boxes = expected.prompt_points, expected.prompt_boxes
    rows = [f'a,{n},{enlarged(p[:2])},{p[2]},,,,' for n, p in enumerate(points)]
    rows += [f'a,{n},,,,{enlarged(box)}' for n, box in enumerate(boxes)]
    assert len(rows) == 2
    table = tmp_path / 'prompts.csv'
    table.write_text('\n'.join(['image,object,x,y,label,x1,y1,x2,y2', *rows]))
    step = LoadPrompts(file=str(table), coordinates=coordinates, required=False)
    size = {'original_height': factor * shape[0], 'original_width': factor * shape[1]}
    loaded = step.transform({'image': 'a.png', 'img_path': 'a.png', 'ori_shape': shape, **size})
    sample = sample_of(shape=shape, prompts=loaded['prompts'])
    (found,) = our_sam(weights, prompts_from='given').predict(inputs, [sample])
    logits = found.seg_logits.data, expected.seg_logits.data
    torch.testing.assert_close(*logits, rtol=1e-4, atol=1e-4)
    assert (found.pred_sem_seg.data != expected.pred_sem_seg.data).float().mean() < 1e-3


NO_OBJECT = dict(points=[], labels=[], boxes=None)


@pytest.mark.parametrize('choice', ['predicted_iou', 1])
def test_an_image_without_a_prompt_is_predicted_empty(choice, weights):
    """In a batch with another image, which it does not change, and alone."""
    model = our_sam(weights, prompts_from='given', mask_choice=choice)
    inputs = normalised(model, pictures())
    samples = [sample_of(shape=s, prompts=p) for s, p in zip(SHAPES, GIVEN, strict=True)]
    expected, _ = model.predict(inputs, samples)
    mixed = [
        sample_of(shape=SHAPES[0], prompts=GIVEN[0]),
        sample_of(shape=SHAPES[1], prompts=NO_OBJECT),
    ]
    other, empty = model.predict(inputs, mixed)
    assert torch.equal(other.seg_logits.data, expected.seg_logits.data)
    alone = model.predict(inputs[1:], [sample_of(shape=SHAPES[1], prompts=NO_OBJECT)])
    for found in (empty, *alone):
        for name in ('seg_logits', 'input_logits'):
            assert (lesion_probability(found.get(name).data) == 0).all()
        assert not found.pred_sem_seg.data.any()
        assert found.candidates.data.shape == (3, *SHAPES[1])
        assert (found.candidates.data.sigmoid() == 0).all()
        assert torch.tensor(found.candidate_iou).isnan().all()
        assert (found.chosen, found.prompts_from) == (-1, 'given')
        assert found.prompt_points == found.prompt_boxes == []
    # The two-class logits are also what encode_decode and forward give.
    logits = model.encode_decode(inputs[1:], [sample_of(shape=SHAPES[1], prompts=NO_OBJECT)])
    assert (logits.softmax(1)[:, 1] == 0).all()


@pytest.mark.parametrize('eval_size', [None, 40])
def test_images_without_a_prompt_are_scored_as_empty_and_counted(eval_size, weights):
    model = our_sam(weights, prompts_from='given')
    shape, metric = (80, 56), MammographyMetric(eval_size=eval_size, lesions=True)
    truths = (square(), torch.zeros(shape), square())
    given = (GIVEN[0], NO_OBJECT, NO_OBJECT)
    samples = [
        sample_of(truth, shape, name, prompts=prompts, mask_kind='contour')
        for truth, name, prompts in zip(truths, 'abc', given, strict=True)
    ]
    with torch.no_grad():
        found = model.predict(normalised(model, pictures(3)), samples)
    metric.process(None, [sample.to_dict() for sample in found])
    scores = metric.evaluate(3)
    assert scores['unprompted_images'] == 2
    assert scores['lesion_unprompted_images'] == scores['normal_unprompted_images'] == 1
    assert scores['normal_dice'] == scores['normal_hindsight_dice'] == pytest.approx(100)
    assert scores['calibrated_images'] == 0  # the first has two objects
    prompted, normal, missed = metric.records
    assert prompted.keys() == normal.keys() == missed.keys()
    for record, iou in ((normal, 1), (missed, 0)):
        assert record['max_probability'] == record['predicted_pixels'] == 0
        ious = [record[name] for name in ('iou', 'candidate_0_iou', 'hindsight_iou')]
        assert ious == pytest.approx([iou] * 3, abs=1e-6)
        assert record['candidate_2_predicted_iou'] != record['candidate_2_predicted_iou']  # NaN
        assert (record['prompts_from'], record['prompt_points']) == ('given', '')


def test_a_padded_picture_is_predicted_as_segment_anything_predicts_it(weights):
    """64×40 pixels of a 64×64 input, of an image of 128×80."""
    preprocessor = {**our_config()['data_preprocessor'], 'test_cfg': dict(size=(SIDE, SIDE))}
    model = our_sam(weights, prompts_from='given', data_preprocessor=preprocessor)
    (image,) = pictures(1, SIDE, 40)
    given = dict(points=[[[20.0, 30.0]]], labels=[[1]], boxes=None)
    sample = sample_of(shape=(128, 80), prompts=given)
    data = model.data_preprocessor({'inputs': [image], 'data_samples': [sample]})
    (found,) = model.predict(data['inputs'], data['data_samples'])
    request = {
        'image': image,
        'original_size': (128, 80),
        'point_coords': torch.tensor([[[9.75, 14.75]]]),  # (20.5 / 2 - 0.5, 30.5 / 2 - 0.5)
        'point_labels': torch.tensor([[1]]),
    }
    (theirs,) = weights([request], multimask_output=True)
    logits = weights.postprocess_masks(theirs['low_res_logits'], (SIDE, 40), (128, 80))
    expected = logits[0, theirs['iou_predictions'].argmax()]
    torch.testing.assert_close(found.seg_logits.data[1], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('sampler', [RANDOM, CLICKS], ids=['random', 'clicks'])
def test_a_prediction_and_its_loss_depend_on_the_image_alone(sampler, weights):
    """Not on the batch, the order, or torch's own random numbers."""
    model = our_sam(weights, test_prompts=sampler)
    images = pictures()
    make = lambda: [sample_of(square(s, 10, 8), s, n) for s, n in zip(SHAPES, 'ab', strict=True)]
    inputs = normalised(model, images)
    with torch.no_grad():
        both = model.predict(inputs, make())
        torch.manual_seed(99)
        turned = model.predict(inputs.flip(0), make()[::-1])[::-1]
        alone = [model.predict(inputs[i : i + 1], make()[i : i + 1])[0] for i in range(len(images))]
        on_input = [sample_on_grid(sample, (SIDE, SIDE)) for sample in make()]
        losses = [model.loss(inputs[i : i + 1], on_input[i : i + 1]) for i in (0, 1)]
        together = model.loss(inputs, on_input)
    for one, *others in zip(both, turned, alone, strict=True):
        assert len(one.prompt_points) == (2 if sampler is RANDOM else 4)
        for other in others:
            assert one.prompt_points == other.prompt_points
            torch.testing.assert_close(
                one.seg_logits.data, other.seg_logits.data, rtol=1e-4, atol=1e-4
            )
    for name, value in together.items():
        torch.testing.assert_close(value, (losses[0][name] + losses[1][name]) / 2)


def test_the_loss_is_that_of_the_candidates_on_the_input(weights):
    model = our_sam(weights)
    (image,) = pictures(1)
    sample = sample_on_grid(sample_of(square((80, 56), 20, 10, 21)), (SIDE, SIDE))
    inputs = normalised(model, [image])
    objects = sample.gt_sem_seg.data == 1
    prompts = model.test_prompts(objects)
    parts = model.prompt_encoder, model.mask_decoder
    low, iou, _ = decode(*parts, model.image_encoder(inputs), prompts)
    logits = F.interpolate(low, (SIDE, SIDE), mode='bilinear')
    expected = model.candidate_loss(logits, iou, objects)
    found = model.loss(inputs, [sample])
    assert found.keys() == {'loss_focal', 'loss_dice', 'loss_iou'}
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value)


def test_padding_is_no_truth_to_learn(weights):
    """Neither as lesion nor as background: 64×40 pixels count."""
    model = our_sam(weights)
    inputs = normalised(model, pictures(1))
    truth = square((SIDE, SIDE), 10, 10, 20).to(torch.uint8)
    truth[:, 40:] = 255
    sample = sample_of(truth, padding_size=(0, 24, 0, 0))
    seen = {}
    model.candidate_loss.forward = lambda logits, iou, objects, valid: (
        seen.update(objects=objects.sum(), valid=valid.sum()) or {'loss': iou.sum()}
    )
    model.loss(inputs, [sample])
    assert seen == {'objects': 400, 'valid': SIDE * 40}


def test_training_draws_anew_and_evaluation_does_not(weights):
    model = our_sam(weights, train_prompts=RANDOM, test_prompts=RANDOM)
    inputs = normalised(model, pictures(1))
    loss = lambda: float(model.loss(inputs, [sample_of(square((SIDE, SIDE)))])['loss_focal'])
    assert loss() == loss()
    model.train()
    assert len({loss() for _ in range(4)}) > 1


@pytest.mark.parametrize('prompts_from', ['truth', 'given'])
def test_without_truth_or_prompts_there_is_an_error(prompts_from, weights):
    model = our_sam(weights, prompts_from=prompts_from)
    with pytest.raises(MammoError, match=r'a\.png: no (true mask|prompts)'):
        model.predict(normalised(model, pictures(1)), [sample_of()])


def test_a_normal_image_is_clicked_in_its_centre_as_in_the_thesis(weights):
    model = our_sam(weights)
    (found,) = model.predict(normalised(model, pictures(1)), [sample_of(torch.zeros(80, 56))])
    assert torch.tensor(found.prompt_points).allclose(torch.tensor([[27.5, 39.5, 1]]))
    assert found.prompts_from == 'truth'


@pytest.mark.parametrize('choice', [0, 1, 2])
def test_a_fixed_candidate_can_be_kept(choice, weights):
    model = our_sam(weights, mask_choice=choice)
    (found,) = model.predict(normalised(model, pictures(1)), [sample_of(square())])
    assert found.chosen == choice
    assert 'best_of_each' not in found  # of one object it is a candidate
    assert torch.equal(found.candidates.data[choice], found.seg_logits.data[1])


@pytest.mark.parametrize(
    ('trainable', 'parts'),
    [
        ('.*', {'image_encoder', 'prompt_encoder', 'mask_decoder'}),
        (r'^mask_decoder\.', {'mask_decoder'}),
        ('', set()),
    ],
)
def test_what_is_trained_moves_and_the_rest_stays_and_in_eval_mode(trainable, parts):
    model = MODELS.build(our_config(trainable=trainable)).train()
    trained = {name.split('.')[0] for name, p in model.named_parameters() if p.requires_grad}
    assert trained == parts
    for name in ('image_encoder', 'prompt_encoder', 'mask_decoder'):
        assert {m.training for m in getattr(model, name).modules()} == {name in parts}
    losses = model.loss(normalised(model, pictures(1)), [sample_of(square((SIDE, SIDE)))])
    if not parts:
        assert not sum(losses.values()).requires_grad
        return
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = build_optim_wrapper(model, dict(optimizer=dict(type='SGD', lr=1.0)))
    sum(losses.values()).backward()
    optimizer.step()
    after = model.state_dict()
    moved = {n for n, value in before.items() if not torch.equal(value, after[n])}
    assert {name.split('.')[0] for name in moved} == parts
    # Of a batch of points without boxes or masks; the rest makes DDP look for unused ones.
    unused = {n for n, p in model.named_parameters() if p.requires_grad and p.grad is None}
    assert all(name.startswith('prompt_encoder') for name in unused)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(prompts_from='nowhere'), "prompts_from='nowhere'.*Allowed: truth, given"),
        (dict(mask_choice='best'), "mask_choice='best'.*Allowed: predicted_iou, 0, 1, 2"),
        (dict(trainable='^backbone'), "trainable='\\^backbone' is in no parameter name"),
        (dict(embedding_cache='x'), "embedding_cache='x' beside an encoder that is trained"),
    ],
)
def test_settings_that_cannot_be_are_refused(change, message):
    with pytest.raises(MammoError, match=message):
        MODELS.build(our_config(**change))


def test_a_cache_encodes_each_image_once_and_changes_no_prediction(weights, tmp_path):
    settings = dict(trainable=r'^mask_decoder\.')
    plain = our_sam(weights, **settings)
    cached = our_sam(weights, **settings, embedding_cache=str(tmp_path))
    inputs = normalised(plain, pictures())
    expected = plain.extract_feat(inputs)
    assert torch.equal(cached.extract_feat(inputs), expected)
    cached.image_encoder.forward = None  # it would fail
    assert torch.equal(cached.train().extract_feat(inputs), expected)
    del cached.image_encoder.forward
    other = meta_sam(seed=1)
    cached.load_state_dict(other.state_dict())
    torch.testing.assert_close(cached.extract_feat(inputs), our_sam(other).extract_feat(inputs))
    # Averaged weights are exchanged past autograd, then the mode is set.
    for ours, theirs in zip(cached.parameters(), plain.parameters(), strict=True):
        ours.data.copy_(theirs)
    torch.testing.assert_close(cached.eval().extract_feat(inputs), expected)


@pytest.mark.parametrize('eval_size', [None, 40])
@pytest.mark.parametrize('choice', [0, 1, 'predicted_iou'])
def test_the_kept_mask_is_compared_as_its_candidates_are(choice, eval_size, weights):
    """Two objects each; where both keep candidate k, its IoU is that of the kept mask."""
    divided = dict(type='EDTCentreSampler', per_component=True)
    model = our_sam(weights, test_prompts=divided, mask_choice=choice)
    metric = MammographyMetric(eval_size=eval_size)
    truth = square() | square(top=50, left=30)
    samples = [sample_of(truth, name=name) for name in 'abcd']
    with torch.no_grad():
        found = model.predict(normalised(model, pictures(4)), samples)
    metric.process(None, [sample.to_dict() for sample in found])
    for record in metric.results:
        assert record['hindsight_iou'] >= record['iou']
        assert record['hindsight_dice'] >= record['dice']
        if choice != 'predicted_iou':
            assert record['iou'] == record[f'candidate_{choice}_iou']


@pytest.mark.parametrize('eval_size', [None, 40])
def test_hindsight_lets_every_object_have_its_own_best_candidate(eval_size, weights):
    """Object 0 is right in candidate 0, object 1 in candidate 1; the empty candidate 2 is kept."""
    divided = dict(type='EDTCentreSampler', per_component=True)
    model = our_sam(weights, test_prompts=divided)
    first, second, wrong = (
        square((SIDE, SIDE)),
        square((SIDE, SIDE), 40, 30),
        square((SIDE, SIDE), 0, 40),
    )
    nothing = torch.zeros_like(wrong)
    masks = torch.stack([first, wrong, nothing, wrong, second, nothing]).view(2, 3, SIDE, SIDE)
    iou = torch.tensor([[0.5, 0.2, 0.9], [0.2, 0.5, 0.9]])
    model._rounds = lambda embedding, prompting: [Round(masks * 20.0 - 10, iou, prompting.prompts)]
    inputs = normalised(model, pictures(1))
    (found,) = model.predict(inputs, [sample_of(first | second, (SIDE, SIDE))])
    assert torch.equal(found.best_of_each.data[0] > 0, first | second)
    metric = MammographyMetric(eval_size=eval_size)
    metric.process(None, [found.to_dict()])
    (record,) = metric.results
    assert record['iou'] == pytest.approx(0, abs=1e-6)
    assert max(record[f'candidate_{k}_iou'] for k in range(3)) < 0.6
    assert record['hindsight_iou'] > 0.8  # on another grid edges move
    assert eval_size or record['hindsight_iou'] == record['hindsight_dice'] == pytest.approx(1)
    # Given prompts tell of no object's own truth.
    given = dict(points=[[[9.0, 19.0]], [[30.0, 40.0]]], labels=[[1], [1]], boxes=None)
    model.prompts_from = 'given'
    (found,) = model.predict(inputs, [sample_of(shape=(SIDE, SIDE), prompts=given)])
    assert 'best_of_each' not in found
    assert len(found.candidates.data) == 3


@pytest.fixture(scope='module')
def scored(weights):
    """A SAM with an object score in eval mode, with given prompts."""
    torch.manual_seed(3)
    model = MODELS.build(our_config(prompts_from='given', object_score={}))
    model.load_state_dict(weights.state_dict(), strict=False)
    return model.eval()


def outputs_of(model, **output):
    """Predictions of two images, of two objects and one, with a setting of the output."""
    model.test_output = TestOutput(**output)
    with torch.no_grad():
        return model.predict(normalised(model, pictures()), given_samples())


def test_presence_is_that_of_the_object_that_is_most_likely_there(scored):
    inputs = normalised(scored, pictures())
    parts = scored.prompt_encoder, scored.mask_decoder
    settings = dict(presence_scale=2.0, presence_bias=0.3)
    for index, found in enumerate(outputs_of(scored, **settings)):
        places = prompts_from_metainfo(given_samples()[index], (SIDE, SIDE)).prompts
        with torch.no_grad():
            embedding = scored.image_encoder(inputs[index : index + 1])
            logit = decode(*parts, embedding, places).object_logit
        assert found.object_presence == pytest.approx((2 * logit + 0.3).sigmoid().tolist())
        assert found.presence == max(found.object_presence)
        assert found.presence_logit == pytest.approx(float(logit.max()))
        assert found.closed is False


def test_closed_objects_are_left_out_and_of_closed_images_the_mask_is_empty(scored):
    plain = outputs_of(scored)
    low, high = sorted(plain[0].object_presence)
    between, _ = outputs_of(scored, presence_threshold=(low + high) / 2)
    assert between.closed is False
    number = plain[0].object_presence.index(high)
    alone = dict(points=GIVEN[0]['points'][number : number + 1], labels=[[1]], boxes=None)
    inputs = normalised(scored, pictures(1))
    (expected,) = scored.predict(inputs, [sample_of(shape=SHAPES[0], prompts=alone)])
    torch.testing.assert_close(between.seg_logits.data, expected.seg_logits.data)
    assert not torch.equal(between.seg_logits.data, plain[0].seg_logits.data)
    closed, _ = outputs_of(scored, presence_threshold=high)
    assert closed.closed is True
    assert not closed.pred_sem_seg.data.any()
    for name in ('seg_logits', 'input_logits', 'candidates'):
        assert torch.equal(closed.get(name).data, plain[0].get(name).data)


def test_raw_logits_do_not_follow_the_gate(scored):
    scored.test_output = TestOutput()
    inputs = normalised(scored, pictures())
    with torch.no_grad():
        expected = scored(inputs, given_samples(), mode='tensor')
        scored.test_output = TestOutput(presence_threshold=1.0)
        assert torch.equal(scored(inputs, given_samples(), mode='tensor'), expected)


def test_an_image_without_a_prompt_has_no_presence_and_is_closed(scored):
    scored.test_output = TestOutput(presence_bias=9.0)
    sample = sample_of(shape=SHAPES[0], prompts=NO_OBJECT)
    (found,) = scored.predict(normalised(scored, pictures(1)), [sample])
    assert (found.presence, found.closed, found.object_presence) == (0.0, True, [])
    assert found.presence_logit == -torch.inf


def test_predictions_one_by_one_are_gated_too(scored):
    expected = [one.presence for one in outputs_of(scored, presence_threshold=1.0)]
    with one_by_one(scored):
        found = outputs_of(scored, presence_threshold=1.0)
        assert [one.presence for one in found] == expected
        assert not any(one.pred_sem_seg.data.any() for one in found)


def test_without_an_object_score_nothing_is_said_and_its_settings_are_refused(weights):
    model = our_sam(weights, prompts_from='given')
    assert model.has_presence is False
    for found in outputs_of(model):
        assert not {'presence', 'closed', 'object_presence'} & set(found.metainfo)
    with pytest.raises(MammoError, match=r'presence_threshold.*object_score'):
        MODELS.build(our_config(test_output=dict(presence_threshold=0.5)))


def test_a_batch_without_any_lesion_trains_the_object_score_alone(scored):
    """Of a normal image, and of one of which only the label is known."""
    normal, unknown = torch.zeros(SIDE, SIDE), torch.full((SIDE, SIDE), 255)
    samples = [sample_of(truth, (SIDE, SIDE)) for truth in (normal, unknown)]
    losses = scored.loss(normalised(scored, pictures()), samples)
    assert losses.keys() == {'loss_focal', 'loss_dice', 'loss_iou', 'loss_object'}
    assert [float(losses[name]) for name in ('loss_focal', 'loss_dice', 'loss_iou')] == [0] * 3
    alone = scored.loss(normalised(scored, pictures(1)), samples[:1])
    torch.testing.assert_close(losses['loss_object'], alone['loss_object'] / 2)
    assert sum(losses.values()).requires_grad


@pytest.mark.parametrize('trainable', ['', '^prompt_encoder'])
def test_an_object_score_is_always_trained(trainable):
    model = MODELS.build(our_config(trainable=trainable, object_score={})).train()
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    asked = {name for name in trained if trainable and name.startswith('prompt_encoder')}
    assert len(trained - asked) == 7
    assert all(name.startswith('mask_decoder.object_') for name in trained - asked)
    assert bool(asked) is bool(trainable)
    assert model.mask_decoder.training


def test_where_the_truth_is_used_has_to_be_said():
    config = our_config()
    del config['prompts_from']
    with pytest.raises(TypeError, match='prompts_from'):
        MODELS.build(config)


def test_zero_shot_tests_metas_file_as_it_is(weights, prepared, tmp_path):
    """The trained model would be a checkpoint; here the downloaded file is one."""
    path = tmp_path / 'sam.pth'
    small = meta_sam(32)
    torch.save(small.state_dict(), path)
    check_checkpoint(path)
    for name in ('sam_zeroshot_cbis', 'sam_zeroshot_zgt'):
        cfg = shrink(name, prepared, tmp_path / name)
        cfg.load_from = str(path)
        runner = Runner.from_cfg(cfg)
        assert count_parameters(runner.model)[1] == 0
        scores = runner.test()
        assert scores['images'] == 2
        (metric,) = runner.test_evaluator.metrics
        for record in metric.records:
            assert record['prompts_from'] == 'truth'
            assert record['chosen'] in (0, 1, 2)
            assert record['hindsight_iou'] == max(record[f'candidate_{k}_iou'] for k in range(3))
            assert record['iou'] == record[f'candidate_{record["chosen"]}_iou']
    loaded = runner.model.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in small.state_dict().items())


def test_padding_and_given_prompts_train_and_test_through_the_runner(prepared, tmp_path):
    """Longest side and padding, points from prompts.csv, in batches of two."""
    cfg = shrink('sam_finetune_cbis', prepared, tmp_path, epochs=1)
    cfg.model.data_preprocessor.test_cfg = dict(size=(32, 32))
    cfg.model.prompts_from = 'given'
    for split in ('train', 'val', 'test'):
        pipeline = cfg[f'{split}_dataloader'].dataset.pipeline
        next(step for step in pipeline if 'Resize' in step.type).keep_ratio = True
        if split != 'train':
            pipeline.insert(1, dict(type='LoadPrompts', file='../sam_prompts.csv'))
    rows = [f'images/{number}.png,1,{10 + number},40,1' for number in range(4, 8)]
    (prepared.parent / 'sam_prompts.csv').write_text('\n'.join(['image,object,x,y,label', *rows]))
    runner = Runner.from_cfg(cfg)
    runner.train()
    assert runner.message_hub.get_scalar('val/val_loss').current() > 0
    scores = runner.test()
    assert scores['images'] == 2
    (metric,) = runner.test_evaluator.metrics
    assert [record['prompt_points'] for record in metric.records] == ['16.0:40.0:1', '17.0:40.0:1']


def test_complexity_counts_the_encoder_and_the_decoder(weights, tmp_path):
    """In the mode that MMEngine's analysis calls; an embedding in a cache would count as nothing."""
    cached = dict(trainable=r'^mask_decoder\.', embedding_cache=str(tmp_path))
    for model in (our_sam(weights), our_sam(weights, **cached)):
        image = torch.rand(1, 3, SIDE, SIDE)
        table = FlopAnalyzer(model, (image,)).by_module()
        assert all(table[name] > 0 for name in ('image_encoder', 'prompt_encoder', 'mask_decoder'))
        assert table[''] > table['image_encoder'] + table['mask_decoder']
    assert not list(tmp_path.rglob('*.*'))
    middle = dict(points=[[[(SIDE - 1) / 2] * 2]], labels=[[1]], boxes=None)
    given = our_sam(weights, prompts_from='given')
    sample = sample_of(shape=(SIDE, SIDE), prompts=middle)
    assert torch.equal(given(image), given.encode_decode(image, [sample]))

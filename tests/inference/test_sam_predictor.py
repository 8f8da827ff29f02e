"""The interactive predictor: segment-anything's where that pads, the model's own where it does not."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmseg.registry import MODELS
from sam_models import SIDE, meta_sam, our_config, our_sam, sample_of
from segment_anything import SamPredictor

from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference.sam_predictor import AsTests, LongestSide, SAMPredictor, Stretch
from mmseg_mammo.io.image import write_png
from mmseg_mammo.transforms import PackMammogram  # noqa: F401 - registration

POINTS, LABELS = np.array([[20, 30], [70, 10]]), np.array([1, 0])
BOX = np.array([10, 12, 60, 40])


@pytest.fixture(scope='module')
def weights():
    return meta_sam()


@pytest.fixture(scope='module')
def image():
    """Grey, 8 bits, 50×90: smoothed noise, as that the order of resizing and rounding shows."""
    noise = np.random.default_rng(0).integers(0, 256, (50, 90)).astype(np.uint8)
    return cv2.GaussianBlur(noise, (5, 5), 0)


@pytest.mark.parametrize(
    'request_',
    [
        dict(point_coords=POINTS, point_labels=LABELS),
        dict(box=BOX),
        dict(point_coords=POINTS, point_labels=LABELS, box=BOX),
        dict(point_coords=POINTS, point_labels=LABELS, mask_input=np.ones((1, 16, 16))),
    ],
    ids=['points', 'box', 'both', 'mask'],
)
def test_with_padding_it_gives_what_segment_anything_gives(request_, weights, image):
    colour = np.stack([image, 255 - image, image // 2], axis=-1)
    ours = SAMPredictor(our_sam(weights), keep_ratio=True, intensity='stored')
    theirs = SamPredictor(weights)
    found, expected = [], []
    for predictor, results in ((ours, found), (theirs, expected)):
        predictor.set_image(colour)
        results += predictor.predict(**request_)
    assert found[0].dtype == bool
    assert (found[0] != expected[0]).mean() < 1e-3
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-4)
    np.testing.assert_allclose(found[2], expected[2], rtol=1e-4, atol=1e-4)
    assert found[0].shape == (3, 50, 90)


@pytest.mark.parametrize('choice', ['predicted_iou', 0, 1, 2])
def test_one_mask_is_that_of_three_that_the_model_keeps_as_the_fourth_is_never_trained(
    choice, weights, image
):
    predictor = SAMPredictor(our_sam(weights, mask_choice=choice))
    predictor.set_image(image)
    three = predictor.predict(POINTS, LABELS, return_logits=True)
    one = predictor.predict(POINTS, LABELS, multimask_output=False, return_logits=True)
    kept = three[1].argmax() if choice == 'predicted_iou' else choice
    for among, alone in zip(three, one, strict=True):
        np.testing.assert_array_equal(alone, among[kept : kept + 1])


def scored(weights, **output):
    """A model with an object score."""
    torch.manual_seed(0)
    model = MODELS.build(our_config(object_score={}, prompts_from='given', test_output=output))
    model.load_state_dict(weights.state_dict(), strict=False)
    return model.eval()


def test_masks_of_closed_objects_are_empty_and_logits_are_not(weights, image):
    boxes = torch.tensor([[3.0, 9, 20, 40], [30, 20, 50, 60]])
    ends = []
    for threshold in (None, 'between'):
        if threshold:
            threshold = sum(ends[0][0]) / 2
        model = scored(weights, presence_threshold=threshold, presence_scale=30.0)
        predictor = SAMPredictor(model)
        predictor.set_image(image)
        masks, _, low = predictor.predict_torch(None, None, boxes)
        assert model.object_score is not None
        ends.append((predictor.object_presence, masks, low))
        logits, *_ = predictor.predict_torch(None, None, boxes, return_logits=True)
        assert torch.equal(logits > 0, ends[0][1])
    (presence, before, low), (again, after, same) = ends
    assert again == presence
    assert presence[0] != presence[1]
    closed = presence.index(min(presence))
    assert before[closed].any()
    assert not after[closed].any()
    assert torch.equal(after[1 - closed], before[1 - closed])
    assert torch.equal(low, same)


def test_presence_is_what_a_test_says_of_the_same_click(weights, image):
    model = scored(weights, presence_bias=0.5)
    predictor = SAMPredictor(model, intensity='stored')
    predictor.set_image(image)
    predictor.predict(POINTS, LABELS, multimask_output=False)
    given = dict(points=[POINTS.tolist()], labels=[LABELS.tolist()], boxes=None)
    sample = sample_of(shape=image.shape, prompts=given)
    shown = torch.from_numpy(predictor.transform.apply_image(np.stack([image] * 3, -1)))
    data = {'inputs': [shown.permute(2, 0, 1)], 'data_samples': [sample]}
    (found,) = model.test_step(data)
    assert predictor.object_presence == pytest.approx(found.object_presence, rel=1e-4)


def test_a_model_without_an_object_score_has_no_presence(weights, image):
    predictor = SAMPredictor(our_sam(weights))
    predictor.set_image(image)
    predictor.predict(POINTS, LABELS)
    assert predictor.object_presence == []


@pytest.mark.parametrize('transform', [LongestSide, AsTests, Stretch])
def test_tensors_are_transformed_as_arrays_are(transform, image):
    """segment-anything's own apply_image_torch takes the batch for the height."""
    resize = transform(SIDE)
    planes = np.stack([image, 255 - image, image // 2])
    array = resize.apply_image(planes.transpose(1, 2, 0).astype(np.float32))
    tensor = resize.apply_image_torch(torch.from_numpy(planes).float()[None])
    np.testing.assert_allclose(tensor[0].permute(1, 2, 0), array, atol=1e-3)
    boxes = np.stack([BOX, BOX + 3])
    for kind, places in (('coords', POINTS[None]), ('boxes', boxes)):
        array = getattr(resize, f'apply_{kind}')(places, image.shape)
        tensor = getattr(resize, f'apply_{kind}_torch')(torch.from_numpy(places), image.shape)
        assert tensor.dtype == torch.float32
        np.testing.assert_allclose(tensor, array, rtol=1e-6)
    box = Stretch(SIDE).apply_boxes_torch(torch.tensor([[0, 0, 89, 49]]), (50, 90))
    expected = [
        0.5 * 64 / 90 - 0.5,
        0.5 * 64 / 50 - 0.5,
        89.5 * 64 / 90 - 0.5,
        49.5 * 64 / 50 - 0.5,
    ]
    assert box[0].tolist() == pytest.approx(expected, rel=1e-5)


def test_several_boxes_in_one_call_give_what_each_gives_alone(weights, image):
    predictor = SAMPredictor(our_sam(weights))
    predictor.set_image(image)
    boxes = np.stack([BOX, BOX + 3])
    moved = predictor.transform.apply_boxes_torch(torch.from_numpy(boxes), image.shape)
    _, iou, low = predictor.predict_torch(None, None, moved)
    for box, alone, logits in zip(boxes, iou, low, strict=True):
        _, expected, expected_low = predictor.predict(box=box)
        np.testing.assert_allclose(alone, expected, rtol=1e-4)
        np.testing.assert_allclose(logits, expected_low, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('padded', [True, False])
def test_sixteen_bits_give_what_eight_bits_give(padded, weights, image):
    predictor = SAMPredictor(our_sam(weights), keep_ratio=padded, intensity='stored')
    ends = []
    finer = image.astype(np.uint16) * 257
    nearly = np.where(finer < 65535, finer + 1, finer)  # levels that 8 bits do not have
    for grey in (image, finer, nearly):
        predictor.set_image(grey)
        ends.append(predictor.predict(POINTS, LABELS)[2])
    np.testing.assert_array_equal(ends[0], ends[1])
    spread = np.ptp(ends[0])
    assert 0 < np.abs(ends[0] - ends[2]).max() < 0.02 * spread


def test_grey_levels_are_stretched_as_by_the_pipeline(weights, image):
    """A 12-bit image in 16 bits is as good as one with the whole range."""
    predictor = SAMPredictor(our_sam(weights))
    ends = []
    for factor in (16, 257):
        predictor.set_image(image.astype(np.uint16) * factor)
        ends.append(predictor.predict(POINTS, LABELS)[2])
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-2, atol=1e-2)


CLAHE = dict(type='MammoCLAHE', tile_grid_size=(2, 2))


@pytest.mark.parametrize('padded', [False, True])
@pytest.mark.parametrize(
    ('intensity', 'before', 'after'),
    [
        (None, [], []),
        ('stored', [], []),
        ('percentile', [], []),
        ('minmax', [CLAHE], []),
        ('minmax', [], [CLAHE]),
    ],
)
def test_it_gives_what_a_test_of_the_model_gives(
    intensity, before, after, padded, weights, tmp_path
):
    """The same pixels through the pipeline; ten times as large as the input, 16 bits.

    Without a config (None) as the shipped ones do.
    """
    preprocessor = our_config()['data_preprocessor']
    if padded:
        preprocessor['test_cfg'] = dict(size=(SIDE, SIDE))
    model = our_sam(weights, prompts_from='given', data_preprocessor=preprocessor)
    noise = np.random.default_rng(0).integers(0, 65536, (6 * SIDE, 10 * SIDE)).astype(np.uint16)
    picture = cv2.GaussianBlur(noise, (5, 5), 0) // 8 + 3000
    write_png(tmp_path / 'a.png', picture)
    steps = [
        dict(type='LoadMammogram', intensity=intensity or 'minmax', percentiles=(10, 80)),
        *before,
        dict(type='Resize', scale=(SIDE, SIDE), keep_ratio=padded),
        *after,
        dict(type='PackMammogram'),
    ]
    if intensity:
        model.cfg = Config(dict(test_dataloader=dict(dataset=dict(pipeline=steps))))
    points, box = 6 * POINTS, 6 * BOX
    item = Compose(steps)(dict(img_path=str(tmp_path / 'a.png')))
    given = dict(points=[points.tolist()], labels=[LABELS.tolist()], boxes=[box.tolist()])
    item['data_samples'].set_metainfo(dict(prompts=given))
    (sample,) = model.test_step(
        {'inputs': [item['inputs']], 'data_samples': [item['data_samples']]}
    )
    predictor = SAMPredictor(model)
    predictor.set_image(picture)
    masks, iou, _ = predictor.predict(points, LABELS, box)
    assert masks.any()
    if intensity:
        shown = model.data_preprocessor({'inputs': [item['inputs']], 'data_samples': [sample]})
        assert torch.equal(predictor.features, model.extract_feat(shown['inputs']))
    assert (masks != (sample.candidates.data > 0).numpy()).mean() < 1e-3
    np.testing.assert_allclose(iou, sample.candidate_iou, rtol=1e-4, atol=1e-5)


def test_it_pads_where_the_models_tests_pad(weights, image):
    preprocessor = {**our_config()['data_preprocessor'], 'test_cfg': dict(size=(SIDE, SIDE))}
    for settings, size in ((dict(), (64, 64)), (dict(data_preprocessor=preprocessor), (36, 64))):
        predictor = SAMPredictor(our_sam(weights, **settings))
        predictor.set_image(image)
        assert predictor.input_size == size


def test_colours_in_another_order_and_other_arrays(weights, image):
    colour = np.stack([image, 255 - image, image // 2], axis=-1)
    for padded in (True, False):
        predictor = SAMPredictor(our_sam(weights), keep_ratio=padded)
        for scale in (1, 257):
            levels = colour.astype(np.uint16) * scale if scale > 1 else colour
            predictor.set_image(levels)
            expected = predictor.get_image_embedding()
            predictor.set_image(levels[..., ::-1], 'BGR')
            torch.testing.assert_close(predictor.get_image_embedding(), expected)
    for wrong in (image.astype(np.float32), colour[..., :2]):
        with pytest.raises(MammoError, match='set_image'):
            predictor.set_image(wrong)


def test_the_call_overrules_the_test_pipeline_and_never_drops_a_step_in_silence(weights, image):
    model = our_sam(weights)
    plain = SAMPredictor(model, intensity='stored')
    steps = [dict(type='LoadMammogram'), dict(type='Resize', scale=(SIDE, SIDE)), CLAHE]
    model.cfg = Config(dict(test_dataloader=dict(dataset=dict(pipeline=steps))))
    overruled = SAMPredictor(model, intensity='stored')
    for predictor in (plain, overruled):
        predictor.set_image(image)
    assert torch.equal(plain.features, overruled.features)
    with pytest.raises(MammoError, match='keep_ratio=True beside MammoCLAHE'):
        SAMPredictor(model, keep_ratio=True)
    with pytest.raises(MammoError, match='apply_image_torch: MammoCLAHE'):
        SAMPredictor(model).transform.apply_image_torch(torch.zeros(1, 3, 50, 90))
    with pytest.raises(ValueError, match="intensity='auto'"):
        SAMPredictor(model, intensity='auto')
    model.cfg.test_dataloader.dataset.pipeline = [dict(type='LoadImageFromFile')]
    with pytest.raises(MammoError, match='LoadImageFromFile: it is not known'):
        SAMPredictor(model)
    model.cfg = Config(dict(test_dataloader=None))
    assert SAMPredictor(model).loading.intensity == 'minmax'


def test_a_model_that_does_not_normalise_is_refused(weights):
    model = our_sam(weights, data_preprocessor=dict(type='SegDataPreProcessor'))
    with pytest.raises(MammoError, match='does not normalise'):
        SAMPredictor(model)

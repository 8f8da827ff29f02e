import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from sklearn.metrics import roc_auc_score

from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.metric import MammographyMetric


def sample(probability, truth, name='a.png', threshold=0.5, **facts):
    """What mmseg hands to a metric for one image."""
    return {
        'seg_logits': {'data': probability[None]},
        'pred_sem_seg': {'data': (probability > threshold).long()[None]},
        'gt_sem_seg': {'data': truth.long()[None]},
        'image': name,
        'mask_kind': 'phantom',
        **facts,
    }


def random_samples(count=7):
    generator = torch.Generator().manual_seed(0)
    samples = []
    for index in range(count):
        shape = (6 + index, 9)
        truth = torch.rand(shape, generator=generator) > (0.6 if index % 3 else 2)
        samples.append(sample(torch.rand(shape, generator=generator), truth, f'{index}.png'))
    return samples


def evaluate(samples, size=None, **options):
    metric = MammographyMetric(**options)
    metric.process(None, samples)
    return metric.evaluate(size or len(samples)), metric


def test_scores_are_those_of_the_masks():
    truth = torch.tensor([[1, 1, 0, 0]])
    scores, _ = evaluate([sample(torch.tensor([[0.9, 0.4, 0.6, 0.1]]), truth)])
    assert scores['lesion_iou'] == pytest.approx(100 / 3, rel=1e-5)
    assert scores['lesion_dice'] == pytest.approx(50, rel=1e-5)


def test_there_is_one_record_per_image_with_its_facts():
    samples = random_samples()
    samples[0]['patient_id'] = 'P1'
    _, metric = evaluate(samples)
    assert [record['image'] for record in metric.records] == [f'{i}.png' for i in range(7)]
    first = metric.records[0]
    assert first['patient_id'] == 'P1'
    assert first['max_probability'] == pytest.approx(samples[0]['seg_logits']['data'].max().item())
    assert first['predicted_pixels'] == int(samples[0]['pred_sem_seg']['data'].sum())


def test_two_output_channels_give_the_same_as_one():
    logit = torch.linspace(-3, 3, 12).view(3, 4)
    truth = torch.eye(3, 4)
    two = sample(torch.sigmoid(logit), truth)
    two['seg_logits']['data'] = torch.stack([torch.zeros_like(logit), logit])
    assert evaluate([two])[0] == pytest.approx(
        evaluate([sample(torch.sigmoid(logit), truth)])[0], nan_ok=True
    )


def test_a_threshold_that_is_not_the_models_is_refused():
    odd = sample(torch.tensor([[0.4, 0.2]]), torch.tensor([[1, 0]]), threshold=0.3)
    with pytest.raises(MammoError, match=r'threshold 0\.5.*model\.decode_head\.threshold'):
        evaluate([odd])
    assert evaluate([odd], threshold=0.3)[0]['lesion_iou'] == pytest.approx(100)


def test_eval_size_compares_on_its_own_grid():
    """What was upsampled from 8×8 is recovered on the 8×8 grid."""
    coarse = torch.zeros(1, 1, 8, 8)
    coarse[..., 2:5, 3:7] = 1
    probability = torch.nn.functional.interpolate(coarse, (40, 24), mode='bilinear')[0, 0]
    truth = torch.nn.functional.interpolate(coarse, (40, 24), mode='nearest')[0, 0]
    scores, metric = evaluate([sample(probability, truth)], eval_size=(8, 8))
    assert scores['lesion_iou'] == pytest.approx(100)
    assert metric.records[0]['truth_pixels'] == 12


def test_an_image_that_a_sampler_repeated_counts_once():
    samples = random_samples(4)
    assert evaluate([*samples, samples[0]])[0] == evaluate(samples)[0]


def test_a_lesion_too_small_for_the_grid_stays_a_lesion():
    truth = torch.zeros(64, 64)
    truth[1, 2:6] = 1
    scores, _ = evaluate([sample(torch.zeros(64, 64), truth)], eval_size=4)
    assert (scores['lesion_images'], scores['normal_images']) == (1, 0)
    assert scores['lesion_dice'] < 1


def test_images_of_two_hospitals_with_one_name_both_count():
    samples = [
        dict(one, image='1.png', source=name)
        for one, name in zip(random_samples(2), 'ab', strict=True)
    ]
    assert evaluate(samples)[0]['images'] == 2


def blocks(*boxes, shape=(64, 48)):
    """H×W float: boxes of (top, left, bottom, right, probability) on zeros."""
    grid = torch.zeros(shape)
    for top, left, bottom, right, value in boxes:
        grid[top:bottom, left:right] = value
    return grid


TWO_LESIONS = blocks((8, 8, 16, 16, 1), (40, 20, 50, 30, 1))


def test_each_lesion_has_a_row_but_each_image_one_record():
    """mmengine gathers as many results as there are images, and drops the rest."""
    samples = [
        sample(blocks((8, 8, 16, 16, 0.8), (30, 4, 34, 8, 0.3)), TWO_LESIONS, '1.png', source='s'),
        sample(blocks((2, 2, 9, 9, 0.9)), torch.zeros(64, 48), '2.png', source='s'),
    ]
    metric = MammographyMetric(lesions=True)
    metric.process(None, samples)
    assert len(metric.results) == 2
    scores = metric.evaluate(2)
    kinds = [(row['key'], row['kind']) for row in metric.lesion_rows]
    assert kinds == [('s_1', 'true')] * 2 + [('s_1', 'detection')] * 2 + [('s_2', 'detection')]
    assert {row['image'] for row in metric.lesion_rows} == {'1.png', '2.png'}
    first, second = metric.records
    assert (first['true_lesions'], first['predicted_lesions'], first['hits_iou10']) == (2, 1, 1)
    assert (second['surface_dice'], second['hausdorff95']) == (0, 80)
    assert scores['lesion_sensitivity_iou10'] == scores['lesion_sensitivity_centre'] == 50
    assert scores['false_positives_per_image'] == 0.5
    assert all(
        isinstance(value, str | int | float)
        for record in metric.records
        for value in record.values()
    )


def test_lesions_are_left_alone_unless_asked_for():
    scores, metric = evaluate(random_samples())
    assert metric.lesion_rows == []
    assert 'true_lesions' not in metric.records[0]
    assert 'lesion_surface_dice' not in scores


def test_the_floor_of_detections_is_an_option():
    faint = sample(blocks((8, 8, 16, 16, 0.05)), TWO_LESIONS)
    for floor, detections in ((0.1, 0), (0.01, 1)):
        _, metric = evaluate([faint], lesions=True, detection_floor=floor)
        assert len(metric.lesion_rows) == 2 + detections
    with pytest.raises(MammoError, match='detection_floor=10'):
        MammographyMetric(detection_floor=10)


def test_a_record_names_its_image_and_its_grid():
    record = evaluate([sample(TWO_LESIONS, TWO_LESIONS, 'x/1 a.png', source='s')])[1].records[0]
    assert next(iter(record)) == 'key'
    assert record['key'] == 's_x_1_a'
    assert (record['height'], record['width']) == (64, 48)
    record = evaluate([sample(TWO_LESIONS, TWO_LESIONS)], eval_size=(16, 12))[1].records[0]
    assert (record['height'], record['width']) == (16, 12)


def test_images_that_would_share_a_key_do_not():
    samples = [sample(TWO_LESIONS, TWO_LESIONS, name, source='s') for name in ('1.png', '1.dcm')]
    first, second = evaluate(samples)[1].records
    assert first['key'] != second['key']


@pytest.mark.parametrize('eval_size', [None, 16])
def test_pixels_of_the_thesis_grid_are_those_of_an_evaluation_on_it(eval_size):
    samples = random_samples()
    _, other = evaluate(samples, eval_size=224)
    _, metric = evaluate(samples, lesions=True, eval_size=eval_size)
    for record, expected in zip(metric.records, other.records, strict=True):
        for name in ('truth_pixels', 'predicted_pixels', 'intersection_pixels'):
            assert record[f'{name}_224'] == expected[name]


def test_lesions_follow_to_the_grid_of_the_evaluation():
    _, metric = evaluate([sample(TWO_LESIONS, TWO_LESIONS)], lesions=True, eval_size=(32, 24))
    assert [row['pixels'] for row in metric.lesion_rows] == [16, 25, 16, 25]
    assert metric.records[0]['surface_dice'] == 1


@pytest.mark.parametrize('eval_size', [None, 8])
def test_an_image_label_counts_at_the_image_level_alone(eval_size):
    """Six images with a mask, and one of which all is known but where its lesion is, in any place."""
    samples = [one | {'annotated': 'lesion'} for one in random_samples()]
    label = {**samples[3], 'image': 'label.png', 'mask_kind': 'image-label'}
    label['gt_sem_seg'] = {'data': torch.full_like(samples[3]['gt_sem_seg']['data'], 255)}
    options = {'lesions': True, 'eval_size': eval_size}
    plain, before = evaluate(samples, **options)
    for place in (0, 4, 7):
        scores, metric = evaluate([*samples[:place], label, *samples[place:]], **options)
        assert scores.pop('image_label_images') == 1
        assert [
            name for name in scores if scores[name] != pytest.approx(plain[name], nan_ok=True)
        ] == ['auroc']
        records = {record['image']: record for record in metric.records}
        found = records.pop('label.png')
        for one, other in zip(records.values(), before.records, strict=True):
            np.testing.assert_equal({**one, 'key': ''}, {**other, 'key': ''})
        assert list(found) == list(next(iter(records.values())))
        told = {name for name, value in found.items() if value is None}
        assert {'truth_pixels', 'iou', 'dice', 'truth_pixels_224', 'true_lesions'} <= told
        assert {'hits_iou10', 'false_positives_centre', 'hausdorff95_mm', 'surface_dice'} <= told
        assert not told & {'predicted_pixels', 'predicted_pixels_224', 'max_probability', 'height'}
        assert 'label.png' not in {row['image'] for row in metric.lesion_rows}
    truth = [one['gt_sem_seg']['data'].sum().item() > 0 for one in samples] + [True]
    highest = [float(one['max_probability']) for one in [*before.records, found]]
    assert scores['auroc'] == pytest.approx(roc_auc_score(truth, highest))


def test_a_test_of_image_labels_alone_gives_no_overlap():
    label = sample(torch.tensor([[0.9]]), torch.tensor([[255]]), annotated='lesion')
    scores, _ = evaluate([label | {'mask_kind': 'image-label'}], lesions=True)
    assert (scores['images'], scores['image_label_images']) == (0, 1)
    assert np.isnan(scores['lesion_dice'])


def test_a_diverged_model_is_no_specialist():
    broken = sample(torch.full((2, 2), float('nan')), torch.zeros(2, 2), img_path='a/1.png')
    with pytest.raises(MammoError, match=r'a/1\.png: .*not numbers'):
        evaluate([broken])


def prompted(side=40):
    """What a promptable model leaves for one image: three candidates, the second one kept."""
    truth = torch.zeros(side, side)
    truth[8:24, 8:24] = 1
    masks = torch.stack([truth.roll(8, 0), truth, torch.zeros_like(truth)]).bool()
    logit = 20 * masks[1].float() - 10
    facts = dict(
        candidate_iou=[0.5, 0.75, 0.25],
        chosen=1,
        prompts_from='truth',
        prompt_points=[[15.5, 15.5, 1]],
        prompt_boxes=[[8, 8, 23, 23]],
        image='a.png',
        mask_kind='contour',
    )
    sample = SegDataSample(metainfo=facts)
    sample.set_data(
        dict(
            seg_logits=PixelData(data=torch.stack([torch.zeros_like(logit), logit])),
            pred_sem_seg=PixelData(data=masks[1:2].long()),
            gt_sem_seg=PixelData(data=truth[None].long()),
            candidates=PixelData(data=20 * masks.float() - 10),
        )
    )
    return sample


@pytest.mark.parametrize('eval_size', [None, 20])
def test_candidates_and_prompts_of_a_sample_reach_record_and_scalars(eval_size):
    """The first candidate is the truth moved by half its height: shared 8, union 24 rows."""
    scores, metric = evaluate([prompted().to_dict()], eval_size=eval_size)
    record = metric.records[0]
    assert record['candidate_0_iou'] == pytest.approx(1 / 3)
    assert record['candidate_1_iou'] == record['iou'] == pytest.approx(1)
    assert record['candidate_2_iou'] == pytest.approx(0, abs=1e-6)
    assert (record['chosen'], record['candidate_0_predicted_iou']) == (1, 0.5)
    assert (record['prompts_from'], record['prompt_points']) == ('truth', '15.5:15.5:1')
    assert record['prompt_boxes'] == '8.0:8.0:23.0:23.0'
    assert (scores['calibrated_images'], scores['normal_calibrated_images']) == (1, 0)
    assert scores['lesion_hindsight_iou'] == pytest.approx(100)
    assert scores['chosen_iou_bias'] == pytest.approx(-25)


@pytest.mark.parametrize('threshold', [0.5, 0.2])
@pytest.mark.parametrize('eval_size', [None, 24, 15])
def test_candidates_are_resized_and_cut_as_the_kept_mask_is(eval_size, threshold):
    """Steep slopes, on which cutting before resizing gives another mask than after it."""
    generator = torch.Generator().manual_seed(0)
    given = prompted()
    logits = 5 * torch.randn(3, 40, 40, generator=generator)
    kept = logits[1]
    given.candidates.data = logits
    given.seg_logits.data = torch.stack([torch.zeros_like(kept), kept])
    given.pred_sem_seg.data = (kept.sigmoid() > threshold)[None].long()
    _, metric = evaluate([given.to_dict()], eval_size=eval_size, threshold=threshold)
    (record,) = metric.records
    assert record['candidate_1_iou'] == record['iou']
    assert record['candidate_1_dice'] == record['dice']
    assert record['hindsight_iou'] >= record['iou']


def test_a_model_without_prompts_has_neither_columns_nor_scalars_of_candidates():
    scores, metric = evaluate(random_samples(2))
    for names in (scores, metric.records[0]):
        assert not [name for name in names if 'candidate' in name or 'prompt' in name]


def test_a_known_spacing_gives_millimetres_beside_pixels():
    """A picture of 128 × 48 mm on 64 × 48 pixels: 2 mm high, 1 mm wide."""
    found = blocks((9, 8, 17, 16, 0.9), (40, 20, 50, 30, 0.9))
    known = sample(found, TWO_LESIONS, '1.png', extent_mm=(128.0, 48.0))
    unknown = sample(found, TWO_LESIONS, '2.png')
    scores, metric = evaluate([known, unknown], lesions=True)
    first, second = metric.records
    assert first['hausdorff95'] == second['hausdorff95'] == 1  # one of them is a row too low
    assert first['hausdorff95_mm'] == 2
    assert np.isnan(second['hausdorff95_mm'])
    assert (scores['lesion_hausdorff95'], scores['lesion_hausdorff95_mm']) == (1, 2)
    areas = [row.get('area_mm2') for row in metric.lesion_rows]
    assert areas == [128, 200, 128, 200, None, None, None, None]
    coarse = evaluate([known], lesions=True, eval_size=(32, 48))[1].lesion_rows
    assert coarse[0]['area_mm2'] == pytest.approx(4 * 8 * 4)  # pixels of 4 × 1 mm


def test_a_spacing_does_not_name_its_patient():
    _, metric = evaluate([sample(TWO_LESIONS, TWO_LESIONS, extent_mm=(9.0, 9.0), sop_uid='1.2.3')])
    assert '1.2.3' not in str(metric.records)

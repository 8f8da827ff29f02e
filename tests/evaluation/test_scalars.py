"""Every scalar of the metric is declared: direction, range, unit, and a row of the docs."""

import math
from pathlib import Path

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from stage_samples import four_fates

from mmseg_mammo.evaluation.metric import MammographyMetric
from mmseg_mammo.evaluation.scalars import MONITOR, SCALARS, best, better, scalar
from mmseg_mammo.visualization.curves import PANELS

DOCS = Path(__file__).parents[2] / 'docs' / 'evaluation.md'


def samples(candidates, lesion=0.3, seed=0):  # with candidates also a presence
    """Noise for six images, two normal, four with a square: as a segmentor hands them on.

    The sides of a square are a share ``lesion`` of those of its image.
    """
    generator = torch.Generator().manual_seed(seed)
    found = []
    for index in range(6):
        logits = torch.randn((3, 40, 32), generator=generator)
        truth = torch.zeros((40, 32), dtype=torch.bool)
        if index % 3:
            truth[: round(40 * lesion), : round(32 * lesion)] = True
        sample = SegDataSample(metainfo={'image': f'{index}.png', 'extent_mm': (20.0, 16.0)})
        for name, data in {
            'seg_logits': logits[:1].sigmoid(),
            'pred_sem_seg': (logits[:1] > 0).long(),
            'gt_sem_seg': truth.long()[None],
        }.items():
            setattr(sample, name, PixelData(data=data))
        if candidates:
            sample.candidates = PixelData(data=logits)
            told = torch.rand(3, generator=generator).tolist()
            prompts = {'prompts_from': 'given', 'prompt_points': [], 'prompt_boxes': []}
            sample.set_metainfo({'candidate_iou': told, 'chosen': 0, **prompts})
            said = {'presence': 0.4 + 0.1 * bool(index % 3), 'closed': False}
            sample.set_metainfo({**said, 'presence_logit': float(index % 3)})
        found.append(sample.to_dict())
    return found


def scores(given):
    metric = MammographyMetric(lesions=True)
    metric.process(None, given)
    return metric.evaluate(len(given))


@pytest.mark.parametrize('candidates', [False, True])
@pytest.mark.parametrize('lesion', [0.05, 0.3, 1.0])
def test_every_scalar_that_a_metric_gives_is_declared_and_in_its_range(candidates, lesion):
    for name, value in scores(samples(candidates, lesion)).items():
        declared = scalar(name)
        assert declared is not None, name
        assert declared.low - 1e-9 <= value <= declared.high + 1e-9, (name, value)
        assert declared.special <= candidates


def test_every_declared_scalar_is_given_by_one_declaration():
    every = samples(candidates=True)
    label = {'image': 'label.png', 'annotated': 'lesion', 'mask_kind': 'image-label'}
    given = scores([*every, every[0] | label]) | scores([four_fates()])
    for declared in SCALARS:
        assert any(declared.covers(name) for name in given), declared.names
    for name in given:
        assert sum(declared.covers(name) for declared in SCALARS) == 1, name


def test_a_better_prediction_is_better_by_every_direction():
    """The truth itself against noise."""
    noise, perfect = samples(candidates=True), samples(candidates=True)
    for sample in perfect:
        truth = sample['gt_sem_seg']['data']
        sample['pred_sem_seg']['data'] = truth
        sample['seg_logits']['data'] = truth.float()
        sample['candidates']['data'] = (2.0 * truth - 1).expand(3, -1, -1)
        sample['candidate_iou'] = [1.0, 1.0, 1.0]
    found, wanted = scores(noise), scores(perfect)
    for name, value in wanted.items():
        if scalar(name).better:
            assert best(name, (value, found[name])) == value, name
        if scalar(name).better and '_images' not in name:
            end = scalar(name).low if better(name) == 'lower' else scalar(name).high
            assert value == pytest.approx(end), name


@pytest.mark.parametrize(
    ('name', 'direction'),
    [
        ('dice', 'higher'),
        ('mine/lesion_dice', 'higher'),
        ('raw_lesion_dice', 'higher'),
        ('false_positives_per_image', 'lower'),
        ('normal_candidate_12_iou', 'higher'),
        ('lesion_chosen_iou_error', 'lower'),
        ('images', ''),
        ('lesion_candidates_iou_bias', ''),
    ],
)
def test_names_are_read_with_strata_candidates_and_prefixes(name, direction):
    assert scalar(name).better == direction


@pytest.mark.parametrize(
    'name', ['lesion_specificity', 'dice2', 'candidate_iou', 'mDice', 'val_loss']
)
def test_other_scores_are_not_declared(name):
    assert scalar(name) is None
    assert best(name, (1.0, 2.0)) == 2.0


def test_what_everything_goes_by_can_be_better():
    assert scalar(MONITOR).better


def test_the_tables_of_the_docs_say_the_same():
    text = DOCS.read_text(encoding='utf-8')
    rows = [line for line in text.splitlines() if '| higher |' in line or '| lower |' in line]
    assert len(rows) == sum(bool(declared.better) for declared in SCALARS)
    for declared in SCALARS:
        names = ', '.join(f'`{name}`' for name in declared.names)
        row = f'| {names} | {declared.better or "–"} | {declared.range()} | {declared.meaning} |\n'
        assert row in text, f'docs/evaluation.md lacks {row}'


def test_the_reports_curves_are_in_the_declared_unit():
    for unit, panel in PANELS.items():
        for name in panel:
            assert (scalar(name).unit if scalar(name) else 'loss') == unit


def test_a_range_without_an_end_says_where_it_begins():
    assert scalar('lesion_hausdorff95').range() == 'from 0 pixels'
    assert math.isinf(scalar('images').high)

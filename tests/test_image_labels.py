"""Images whose lesion nobody outlined: trained on, tested, and read by every section of a report."""

import csv
import json
import math

import numpy as np
import pytest
from experiments import shrink
from mmengine.runner import Runner
from prepared_sets import drop_masks
from runs import add_image_labels, make_runs
from sklearn.metrics import roc_auc_score

from mmseg_mammo.reporting.document import Table
from mmseg_mammo.reporting.page.viewer import viewer_data
from mmseg_mammo.reporting.report import build
from mmseg_mammo.reporting.runs import find_runs
from mmseg_mammo.reporting.scores import has_lesion

NOTE = '5 more images have a lesion that nobody outlined; they count at the image level alone.'
OF_IMAGES = ('detection_', 'threshold_')


@pytest.fixture(scope='module')
def reports(tmp_path_factory):
    """Runs and sections by table name, without image labels and with five in every test."""
    found = {}
    for labelled in (False, True):
        root = make_runs(tmp_path_factory.mktemp('runs'), models=('unet', 'sam'), sam=('sam',))
        for folder in sorted(path.parent for path in root.glob('*/*/per_image_test.csv')):
            if labelled:
                add_image_labels(folder)
        runs = find_runs([root])
        sections, cases, notes = build(runs)
        items = {item.name: item for section in sections for item in section.items}
        found[labelled] = runs, items, cases, notes
    return found


def test_only_tables_of_whole_images_change(reports):
    (_, before, _, _), (_, after, _, _) = reports[False], reports[True]
    assert list(before) == list(after)
    changed = set()
    for name, item in after.items():
        if isinstance(item, Table) and name != 'runs':
            same = np.array_equal(np.array(item.rows, str), np.array(before[name].rows, str))
            changed |= set() if same else {name}
    assert changed
    assert all(name.startswith(OF_IMAGES) for name in changed), changed


def test_they_are_said_and_counted_beside_every_table(reports):
    runs, items, _, notes = reports[True]
    assert {test.image_labels for test in runs.tests} == {5}
    assert any(NOTE in note for note in notes)
    for name in ('results_zgt', 'lesions_zgt', 'strata_zgt_view', 'detection_zgt'):
        assert any(NOTE in note for note in items[name].notes), name
    assert not any('nobody outlined' in note for note in reports[False][3])


def test_the_image_level_counts_them_as_images_with_a_lesion(reports):
    (runs, items, _, _), (_, before, _, _) = reports[True], reports[False]
    row, former = items['detection_zgt'].rows[0], before['detection_zgt'].rows[0]
    assert (row[1], row[2], row[3]) == (former[1] + 5, former[2] + 5, former[3])
    test = next(t for t in runs.tests if (t.model, t.dataset) == (row[0], 'zgt'))
    images = test.every_image
    assert row[4] == round(roc_auc_score(has_lesion(images), images['max_probability']), 3)


def test_they_are_in_the_viewer_and_no_normal_images_there(reports):
    _, _, cases, _ = reports[True]
    shown = [case for case in cases if case.key.startswith('label')]
    assert len(shown) == 10  # of two data sets
    for fact in (case['facts'] for case in viewer_data(shown)['cases']):
        assert (fact['annotated'], fact['mask_kind'], fact['size']) == (
            *('lesion', 'image-label'),
            'no mask',
        )
    assert all(score['dice'] is None for case in shown for score in case.scores.values())


@pytest.fixture(scope='module')
def trained(prepared, tmp_path_factory):
    """The work folder of a training with presence, then a test; in every split a lesion has no mask."""
    root = tmp_path_factory.mktemp('mixed')
    data = drop_masks(prepared, root / 'data', *(f'images/{n}.png' for n in (0, 1, 6)))
    cfg = shrink('unet_absence_cbis', data, root / 'work', epochs=3)
    cfg.default_hooks.logger.interval = 1
    runner = Runner.from_cfg(cfg)
    runner.train()
    runner.test()
    return root


def test_a_training_with_presence_takes_them_and_its_losses_stay_finite(trained):
    (curves,) = (trained / 'work').glob('*/vis_data/scalars.json')
    lines = [json.loads(line) for line in curves.read_text().splitlines()]
    losses = [line for line in lines if 'presence.loss_presence' in line]
    assert len(losses) == 6
    assert all(
        math.isfinite(value) for line in losses for name, value in line.items() if 'loss' in name
    )


def test_a_test_leaves_cells_empty_and_its_report_reads_them(trained):
    (table,) = (trained / 'work').glob('*/per_image_test.csv')
    with table.open(newline='') as stream:
        rows = {row['image']: row for row in csv.DictReader(stream)}
    label, normal = rows['images/6.png'], rows['images/7.png']
    assert (label['mask_kind'], label['annotated']) == ('image-label', 'lesion')
    empty = {name for name in label if label[name] == '' and normal[name] != ''}
    assert {'truth_pixels', 'intersection_pixels', 'iou', 'dice', 'truth_pixels_224'} <= empty
    assert 'ungated_intersection_pixels' in empty
    assert not empty & {
        'presence',
        'presence_logit',
        'closed',
        'predicted_pixels',
        'max_probability',
    }
    scores = json.loads((table.parent / 'test.json').read_text())['scores']
    assert (scores['images'], scores['image_label_images']) == (1, 1)
    assert scores['presence_auroc'] in (0, 0.5, 1)  # of one image with a lesion and a normal one
    viewer = {path.name for path in (table.parent / 'viewer').iterdir()}
    assert f'{label["key"]}.jpg' in viewer
    assert f'{label["key"]}_truth.png' not in viewer
    sections, cases, _ = build(find_runs([trained / 'work']))
    tables = [i for section in sections for i in section.items if isinstance(i, Table)]
    row = next(table.rows[0] for table in tables if table.name.startswith('presence_'))
    assert row[2:4] == (1, 1)
    assert len(cases) == 2

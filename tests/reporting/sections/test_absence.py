"""With and without closing, and presence within each source, against the records themselves."""

import csv
import json

import numpy as np
import pytest
from runs import add_image_labels, make_runs
from sklearn.metrics import roc_auc_score

from mmseg_mammo.evaluation.bootstrap import auroc
from mmseg_mammo.reporting.report import build
from mmseg_mammo.reporting.runs import find_runs
from mmseg_mammo.reporting.sections.absence import absence_section
from mmseg_mammo.visualization.plots import Figure

LIMIT = 0.4
FACTS = {'target': 'sensitivity=0.95', 'lesion': 40, 'normal': 30}


def add_presence(folder, sources=lambda number, lesion: 'zgt', unasked=0, **run):
    """Let a test be of a model with presence: what it closes is empty in its main columns."""
    path, generator = folder / 'per_image_test.csv', np.random.default_rng(1)
    rows = list(csv.DictReader(path.open()))
    for number, row in enumerate(rows):
        lesion = row['annotated'] == 'lesion'
        logit = generator.normal() + 1.5 * lesion
        closed = 1 / (1 + np.exp(-logit)) <= LIMIT
        if number >= len(rows) - unasked:
            logit, closed = -np.inf, True
        row['source'] = sources(number, lesion)
        row |= {
            'presence': 1 / (1 + np.exp(-logit)),
            'presence_logit': logit,
            'closed': int(closed),
        }
        for name in ('predicted_pixels', 'intersection_pixels', 'max_probability'):
            row[f'ungated_{name}'] = row[name]
            row[name] = 0 if closed else row[name]
    with path.open('w', newline='') as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    record = json.loads((folder / 'run.json').read_text())
    record['test_output'] = {
        'threshold': 0.5,
        'trained_threshold': 0.5,
        'presence_threshold': LIMIT,
    }
    (folder / 'run.json').write_text(json.dumps(record | run))
    return rows


@pytest.fixture
def one(tmp_path):
    make_runs(tmp_path / 'w', ['unet'], images=60)
    return tmp_path / 'w' / 'unet_cbis'


def section_of(root):
    return absence_section(find_runs([root]))


def tables(section):
    return {
        item.name: [dict(zip(item.columns, row, strict=True)) for row in item.rows]
        for item in section.items
        if not isinstance(item, Figure)
    }


def dice(rows, prefix):
    values = [
        (2 * float(row[f'{prefix}intersection_pixels']) + 1e-7)
        / (float(row['truth_pixels']) + float(row[f'{prefix}predicted_pixels']) + 1e-7)
        for row in rows
    ]
    return 100 * np.array(values)


def test_scores_with_and_without_closing_are_those_of_the_records(one):
    rows = add_presence(one / '20260103_000000', presence=FACTS)
    section = section_of(one)
    without, closing, change = tables(section)['absence_zgt']
    lesion = np.array([row['annotated'] == 'lesion' for row in rows])
    for found, prefix in ((without, 'ungated_'), (closing, '')):
        empty = np.array([float(row[f'{prefix}predicted_pixels']) == 0 for row in rows])
        expected = {
            'lesion Dice %': dice(rows, prefix)[lesion].mean(),
            'Dice %': dice(rows, prefix).mean(),
            'specificity %': 100 * empty[~lesion].mean(),
            'sensitivity %': 100 * (~empty[lesion]).mean(),
        }
        for name, value in expected.items():
            assert found[name] == pytest.approx(value, abs=0.006), name
            assert found[f'{name} low'] < found[name] < found[f'{name} high']
    assert closing['specificity %'] > without['specificity %']
    assert change['specificity %'] == pytest.approx(
        closing['specificity %'] - without['specificity %'], abs=0.011
    )
    assert (without['closed'], closing['closed']) == (0, sum(row['closed'] for row in rows))
    (said,) = [line for line in section.text if line.startswith('unet: ')]
    assert '0.4, was chosen for sensitivity=0.95 on 40 images with a lesion and 30 normal' in said
    (figure,) = [item for item in section.items if isinstance(item, Figure)]
    assert figure.name == 'presence_zgt'
    assert 'absence' in [each.anchor for each in build(find_runs([one]))[0]]


def test_lesions_without_a_mask_count_as_images_and_in_no_dice(one):
    add_presence(one / '20260103_000000')
    before = tables(section_of(one))['absence_zgt']
    add_image_labels(one / '20260103_000000')
    after = tables(section_of(one))['absence_zgt']
    for former, now in zip(before[:2], after[:2], strict=True):
        assert now['lesion images'] == former['lesion images'] + 5
        for name in ('normal images', 'lesion Dice %', 'Dice %', 'specificity %'):
            assert now[name] == former[name], name


def test_auroc_is_scikit_learns_over_all_and_within_each_source(one):
    rows = add_presence(one / '20260103_000000', lambda number, _: 'ab'[number % 2])
    section = section_of(one)
    found = tables(section)['presence_zgt']
    assert [row['source'] for row in found] == ['all sources', 'a', 'b']
    for row in found:
        own = [r for r in rows if row['source'] in ('all sources', r['source'])]
        lesion = np.array([r['annotated'] == 'lesion' for r in own])
        for column, name in (('presence AUROC', 'presence_logit'),):
            scores = np.array([r[name] for r in own])
            assert row[column] == pytest.approx(roc_auc_score(lesion, scores), abs=6e-4)
            patients = np.array([f'{r["source"]}/{r["patient_id"]}' for r in own])
            interval = auroc(lesion, scores, patients)
            assert (row['low'], row['high']) == pytest.approx(
                (interval.low, interval.high), abs=6e-4
            )
        pixels = np.array([float(r['ungated_max_probability']) for r in own])
        expected = roc_auc_score(lesion, pixels)
        assert row['highest probability AUROC'] == pytest.approx(expected, abs=6e-4)
    assert section.warnings == ()


def test_a_source_with_one_label_is_named_and_not_scored(one):
    """A model that knows nothing but the hospital would be perfect over all sources."""
    add_presence(one / '20260103_000000', lambda _, lesion: 'ours' if lesion else 'theirs')
    section = section_of(one)
    found = {row['source']: row for row in tables(section)['presence_zgt']}
    assert found['all sources']['presence AUROC'] is not None
    assert found['ours']['presence AUROC'] is found['theirs']['presence AUROC'] is None
    assert [line.split(':')[1] for line in section.warnings] == [
        ' all images of ours have a lesion',
        ' all images of theirs have no lesion',
    ]


def test_images_without_a_prompt_are_left_out_of_the_auroc_and_a_given_threshold_is_said(one):
    add_presence(one / '20260103_000000', unasked=7)
    section = section_of(one)
    (row,) = tables(section)['presence_zgt']
    assert row['lesion images'] + row['normal images'] == 53
    table = next(item for item in section.items if item.name == 'presence_zgt')
    assert 'Images without a prompt are left out: unet 7.' in table.notes
    assert any('is of the config or of an operating point' in line for line in section.text)


def test_without_a_threshold_the_text_says_so(one):
    folder = one / '20260103_000000'
    add_presence(folder)
    record = json.loads((folder / 'run.json').read_text())
    del record['test_output']['presence_threshold']
    (folder / 'run.json').write_text(json.dumps(record))
    assert 'unet: no threshold, so that no image is closed by its presence.' in section_of(one).text


def test_models_without_presence_have_no_section(runs):
    assert absence_section(runs) is None

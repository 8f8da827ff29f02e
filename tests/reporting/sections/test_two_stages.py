"""The section on two stages says what the tables of the tests say."""

import json

import numpy as np
import pytest
from runs import make_rows, make_test, predict
from stage_samples import add_candidates

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.evaluation.two_stage.lost import LOST
from mmseg_mammo.reporting.document import Table
from mmseg_mammo.reporting.report import build
from mmseg_mammo.reporting.runs import find_runs
from mmseg_mammo.reporting.sections.two_stages import stage_section


def make_stages(root, images=40):
    """A test of two stages on zgt, in ``root/two``; its finder's, and one of another model."""
    tested = predict(make_rows('zgt', images, 0.25, 0), np.random.default_rng(0), 0.6)
    make_test(root / 'two' / '20260102_000000', 'unet_unet', 'zgt', tested)
    for work_dir, model in (('two/finder', 'first'), ('other', 'unet')):
        tested = predict(make_rows('zgt', images, 0.25, 0), np.random.default_rng(1), 0.3)
        folder = root / work_dir / '20260102_000000'
        make_test(folder, model, 'zgt', tested)
        run = json.loads((folder / 'run.json').read_text())
        run['checkpoint'] = f'work_dirs/{work_dir}/best.pth'
        (folder / 'run.json').write_text(json.dumps(run))
    return add_candidates(root / 'two' / '20260102_000000')


@pytest.fixture(scope='module')
def staged(tmp_path_factory):
    root = tmp_path_factory.mktemp('staged')
    counts = make_stages(root)
    runs = find_runs([root])
    return counts, runs, stage_section(runs)


def rows_of(section, name):
    (table,) = (item for item in section.items if isinstance(item, Table) and item.name == name)
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_lesions_are_lost_where_the_records_say(staged):
    counts, _, section = staged
    total = sum(counts.values())
    assert len({counts[name] for name in ('', *LOST)}) == 4  # or they could be swapped unnoticed
    rows = rows_of(section, 'lost_zgt')
    assert [row['fate'] for row in rows] == ['segmented', *LOST]
    for name, row in zip(('', *LOST), rows, strict=True):
        assert (row['model'], row['images'], row['lesions']) == ('unet_unet', 40, total)
        assert row['count'] == counts[name]
        assert row['%'] == pytest.approx(100 * counts[name] / total, abs=0.006)
        assert row['low'] <= row['%'] <= row['high']


def test_the_first_candidates_are_counted_by_both_rankings(staged):
    found = {}
    for row in rows_of(staged[2], 'ranking_zgt'):
        found.setdefault(row['ranked by'], []).append(row['found %'])
        assert row['low'] <= row['found %'] <= row['high']
    both, finder = found['both stages'], found["the finder's score"]
    assert len(both) == len(finder) == 3
    assert both == sorted(both)
    assert both[0] > finder[0]
    assert both[-1] == finder[-1] == pytest.approx(80, abs=0.1)  # every fifth has no candidate


def test_the_froc_of_the_candidates_goes_by_peaks(staged):
    rows = rows_of(staged[2], 'froc_candidates_zgt')
    assert len(rows) == 2 * 8
    ends = [row['sensitivity %'] for row in rows if row['FP per image'] == 'any']
    assert ends == pytest.approx([80, 80], abs=0.1)
    at = [row['sensitivity %'] for row in rows if row['FP per image'] == '0.25']
    assert at[0] > at[1]


def test_the_figure_has_the_finder_that_was_tested_alone_and_no_other_model(staged):
    figure = staged[2].items[-1]
    assert figure.name == 'froc_two_stages_zgt'
    assert "candidates, unet_unet, candidates by the finder's score: at most 80.0 %" in figure.alt
    assert 'regions, first: at most' in figure.alt
    assert 'unet: ' not in figure.alt.replace('unet_unet: ', '')


def test_a_report_has_the_section_where_there_are_two_stages_alone(staged, runs):
    anchors = [section.anchor for section in build(staged[1])[0]]
    assert anchors.index('two_stages') == anchors.index('lesions') + 1
    assert stage_section(runs) is None


def test_a_test_of_normal_images_is_no_fault(tmp_path):
    tested = predict(make_rows('zgt', 8, 1.0, 0), np.random.default_rng(0), 0.5)
    folder = tmp_path / 'w' / '20260102_000000'
    make_test(folder, 'unet', 'zgt', tested)
    add_candidates(folder)
    section = stage_section(find_runs([tmp_path]))
    assert [(row['lesions'], row['%']) for row in rows_of(section, 'lost_zgt')] == [(0, None)] * 4
    assert 'nan' not in section.items[-1].alt


def test_a_run_without_its_table_of_candidates_is_named(tmp_path):
    make_stages(tmp_path, images=8)
    (tmp_path / 'two' / '20260102_000000' / 'candidates_test.csv').unlink()
    with pytest.raises(DataFileError, match=r'missing candidates_test\.csv'):
        find_runs([tmp_path])

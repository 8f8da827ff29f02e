import pytest
from learning_curves import COUNTS, TUNINGS, make_curve

from mmseg_mammo.reporting.document import Table
from mmseg_mammo.reporting.report import build
from mmseg_mammo.reporting.runs import Runs, find_runs
from mmseg_mammo.reporting.sections.few.learning_curve import learning_curve_section
from mmseg_mammo.visualization.plots import Figure


@pytest.fixture(scope='module')
def items(tmp_path_factory):
    tables = make_curve(tmp_path_factory.mktemp('study'))
    section = learning_curve_section(Runs((), (), (), (tables,)))
    return {item.name: item for item in section.items}


def lines(table):
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_a_report_without_a_curve_has_no_section():
    assert learning_curve_section(Runs((), (), ())) is None


def test_every_tuning_stands_at_every_count_beside_the_start(items):
    rows = lines(items['learning_curve_points'])
    assert len(rows) == 1 + len(TUNINGS) * len(COUNTS)
    start, first = rows[0], rows[1]
    assert (start['tuning'], start['over start']) == ('start', None)
    assert (first['tuning'], first['count'], first['seeds']) == ('unet_full', '5', 3)
    assert first['trained parameters'] == 2_000_000
    assert first['of all %'] == pytest.approx(66.667)
    assert (start['start kept'], first['start kept'], rows[7]['start kept']) == (None, 0, 3)
    for row in rows[1:]:
        gain = row['lesion Dice %'] - start['lesion Dice %']
        assert row['over start'] == pytest.approx(gain, abs=0.011)
        assert row['over start low'] < row['over start'] < row['over start high']
        assert row['low'] < row['lesion Dice %'] < row['high']


def test_the_best_of_each_count_is_named_with_its_lead(items):
    rows = {row['count']: row for row in lines(items['learning_curve_best'])}
    assert list(rows) == list(COUNTS)
    assert (rows['5']['best'], rows['all']['best']) == ('unet_bias', 'unet_full')
    assert rows['5']['difference'] > 0
    assert rows['5']['mark'] == ''
    assert rows['40']['mark'] == 'may be chance'


def test_a_best_tuning_that_is_worse_than_the_start_says_so(tmp_path):
    tables = make_curve(tmp_path, start=90.0)
    section = learning_curve_section(Runs((), (), (), (tables,)))
    [best] = [item for item in section.items if item.name == 'learning_curve_best']
    assert {row['mark'].rpartition('; ')[2] for row in lines(best)} == {'below the start'}


def test_forecasts_have_their_error_or_a_reason(items):
    rows = {row['tuning']: row for row in lines(items['learning_curve_forecast'])}
    assert rows['unet_full']['form'] is not None
    assert rows['unet_full']['said'].startswith('20 more annotated images: +')
    assert rows['setr_vpt']['gain'] is None
    assert rows['setr_vpt']['power law: off by'] is not None
    assert rows['setr_vpt']['said'].startswith('No forecast: it was off by ')
    assert isinstance(items['learning_curve'], Figure)


def test_two_studies_have_files_of_their_own(tmp_path):
    for name in ('here', 'there'):
        make_curve(tmp_path / name)
    section = learning_curve_section(find_runs([tmp_path]))
    names = [item.name for item in section.items]
    assert len(names) == len(set(names)) == 8
    titles = [item.title for item in section.items if isinstance(item, Table)]
    assert any(title.endswith(': here') for title in titles)


def test_a_report_of_a_curve_alone_is_its_section(tmp_path):
    make_curve(tmp_path)
    sections, cases, notes = build(find_runs([tmp_path]))
    assert [section.anchor for section in sections] == ['learning_curve']
    assert (cases, notes) == ((), ())

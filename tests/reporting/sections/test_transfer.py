import json

import numpy as np
import pytest
from runs import make_rows, make_runs, make_test, make_training, predict

from mmseg_mammo.evaluation.bootstrap import mean
from mmseg_mammo.reporting.runs import find_runs
from mmseg_mammo.reporting.scores import FEW
from mmseg_mammo.reporting.sections.results import lesion_dice
from mmseg_mammo.reporting.sections.transfer import _drop, transfer_section


def predictions(name, normal, images=20):
    return predict(make_rows(name, images, normal, 0), np.random.default_rng(0), 0.5)


@pytest.fixture
def rows(tables):
    return tables['transfer']


def test_every_model_has_a_row_for_every_data_set(rows, runs):
    assert len(rows) == len(runs.models) * len(runs.datasets)


def test_the_drop_is_source_minus_target_over_lesion_images(rows):
    found = {(row['model'], row['tested on']): row for row in rows}
    for (model, dataset), row in found.items():
        assert row['trained on'] == 'cbis_ddsm'
        if dataset == 'cbis_ddsm':
            assert row['drop of Dice, lesion'] is None
        else:
            home = found[model, 'cbis_ddsm']['Dice %, lesion']
            assert row['drop of Dice, lesion'] == pytest.approx(
                home - row['Dice %, lesion'], abs=0.011
            )
            assert row['drop low'] <= row['drop of Dice, lesion'] <= row['drop high']


def test_the_drop_by_each_convention_is_between_the_tables_of_conventions(tables):
    scores = {
        (dataset, row['model'], row['convention']): row['Dice %']
        for dataset in ('cbis_ddsm', 'zgt')
        for row in tables[f'conventions_{dataset}']
    }
    rows = tables['drops']
    assert len(rows) == 3 * 6
    usual = {r['model']: r['conclusion'] for r in rows if r['convention'] == 'lesion images'}
    for row in rows:
        home, here = (
            scores[row[name], row['model'], row['convention']]
            for name in ('trained on', 'tested on')
        )
        assert (row['Dice %, source'], row['Dice %, target']) == (home, here)
        assert row['drop'] == pytest.approx(home - here, abs=0.011)
        assert row['low'] <= row['drop'] <= row['high']
        unsure = row['low'] <= 0 <= row['high']
        wanted = 'not sure' if unsure else 'loss' if row['drop'] > 0 else 'gain'
        assert row['conclusion'] == wanted
        assert row['changes'] == ('no' if wanted == usual[row['model']] else 'yes')


def test_the_gain_of_a_model_that_marks_nothing_is_seen(tmp_path):
    for name, normal in (('cbis_ddsm', 0.0), ('zgt', 0.5)):
        rows = [(f, t, np.zeros_like(t), g) for f, t, _, g in predictions(name, normal)]
        make_test(tmp_path / 'w' / f'2026010{2 + bool(normal)}_000000', 'unet', name, rows)
    make_training(tmp_path / 'w' / '20260101_000000', 'unet')
    (table,) = (
        item for item in transfer_section(find_runs([tmp_path])).items if item.name == 'drops'
    )
    found = {row[3]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert found['lesion images']['conclusion'] == 'no change'
    assert found['all images']['drop'] == -50
    assert {row['changes'] for row in found.values()} == {'yes', 'no'}
    assert (found['all images']['conclusion'], found['all images']['changes']) == ('gain', 'yes')


def test_a_drop_from_few_images_says_so(tmp_path):
    make_test(
        tmp_path / 'w' / '20260102_000000', 'unet', 'cbis_ddsm', predictions('cbis_ddsm', 0, 4)
    )
    make_test(tmp_path / 'w' / '20260103_000000', 'unet', 'zgt', predictions('zgt', 0.5))
    make_training(tmp_path / 'w' / '20260101_000000', 'unet')
    table = transfer_section(find_runs([tmp_path])).items[0]
    (row,) = (row for row in table.rows if row[2] == 'zgt')
    assert FEW in row[-1]


def test_the_drop_over_lesion_images_is_that_of_the_matrix(tables, rows):
    for row in tables['drops']:
        if row['convention'] == 'lesion images':
            (same,) = (
                r for r in rows if (r['model'], r['tested on']) == (row['model'], row['tested on'])
            )
            assert (row['drop'], row['low'], row['high']) == (
                same['drop of Dice, lesion'],
                same['drop low'],
                same['drop high'],
            )


def test_the_drop_is_less_sure_than_either_score(rows):
    for row in rows:
        if row['drop low'] is not None:
            assert row['drop high'] - row['drop low'] > row['high'] - row['low']


def test_a_score_has_the_same_interval_in_every_table(rows, tables):
    for row in rows:
        (result,) = (
            r
            for r in tables[f'results_{row["tested on"]}']
            if (r['model'], r['images']) == (row['model'], 'lesion')
        )
        assert (row['low'], row['high']) == (result['Dice low'], result['Dice high'])


def test_patients_of_source_and_target_are_drawn_apart(runs):
    home, away = (
        next(lesion_dice(t.images).rounds for t in runs.on(dataset) if t.model == 'unet')
        for dataset in runs.datasets
    )
    assert abs(np.corrcoef(home, away)[0, 1]) < 0.1


def test_a_drop_from_a_score_without_interval_has_none():
    patients = np.char.add('a/', np.arange(9).astype(str))
    sure, missed = mean(np.arange(9.0), patients), mean(np.zeros(9), np.char.add('b', patients))
    assert _drop(sure, sure).value == 0
    assert _drop(sure, missed).value == 4
    assert np.isnan(_drop(sure, missed).low)
    assert not np.isnan(_drop(sure, mean(np.arange(9.0), np.char.add('b', patients))).low)


def test_there_is_no_drop_between_grids(tmp_path):
    make_runs(tmp_path, ['unet'], images=20)
    path = tmp_path / 'unet_cbis' / '20260103_000000' / 'test.json'
    path.write_text(json.dumps(json.loads(path.read_text()) | {'evaluator': {'eval_size': 224}}))
    section = transfer_section(find_runs([tmp_path]))
    (row,) = (row for row in section.items[0].rows if row[2] == 'zgt')
    assert dict(zip(section.items[0].columns, row, strict=True))['drop of Dice, lesion'] is None
    assert 'drops' not in [item.name for item in section.items]

import pytest


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


def test_the_drop_is_less_sure_than_either_score(rows):
    for row in rows:
        if row['drop low'] is not None:
            assert row['drop high'] - row['drop low'] > row['high'] - row['low']

import numpy as np
import pytest
from runs import make_rows, make_test, predict

from mmseg_mammo.reporting.runs import find_runs
from mmseg_mammo.reporting.scores import FEW
from mmseg_mammo.reporting.sections.results import result_section
from mmseg_mammo.reporting.sections.strata import FACTORS, levels, stratum_section


def test_levels_of_a_factor_cover_every_image_once(runs):
    for factor in FACTORS:
        for test in runs.tests:
            assert (sum(levels(test.images, factor).values()) == 1).all()


@pytest.mark.parametrize('factor', ['view', 'density', 'laterality', 'finding', 'pathology'])
def test_counts_of_the_levels_add_up(tables, factor):
    rows = [r for r in tables[f'strata_zgt_{factor}'] if r['model'] == 'unet']
    assert sum(row['lesion images'] for row in rows) == 13
    assert sum(row['normal images'] for row in rows) == 11


def test_scores_of_the_levels_average_to_that_of_all(tables, runs):
    test = next(t for t in runs.on('zgt') if t.model == 'unet')
    rows = [r for r in tables['strata_zgt_view'] if r['model'] == 'unet']
    mean = sum(r['Dice %'] * r['lesion images'] for r in rows) / 13
    lesion = test.images['truth_pixels'] > 0
    assert mean == pytest.approx(100 * test.images['dice'][lesion].mean(), abs=0.01)


def test_fewer_than_five_images_are_said_in_the_row_and_above(tables, sections):
    rows = tables['strata_zgt_lesion_size']
    few = [r for r in rows if 0 < r['lesion images'] < 5]
    assert few
    assert all(FEW in row['mark'] for row in few)
    assert all(
        FEW not in r['mark'] for r in rows if r not in few and not 0 < r['normal images'] < 5
    )
    assert any(
        warning.startswith('zgt, lesion images. Fewer than 5 images: lesion size ')
        for warning in sections['strata'].warnings
    )


def test_few_normal_images_are_no_warning_below_a_figure_of_lesion_images(tmp_path):
    tested = predict(make_rows('zgt', 24, 4 / 24, 0), np.random.default_rng(0), 0.5)
    make_test(tmp_path / 'w' / '20260102_000000', 'unet', 'zgt', tested)
    section = stratum_section(find_runs([tmp_path]))
    assert any('zgt, normal images. ' in warning for warning in section.warnings)
    assert 'laterality' not in section.items[-1].caption
    assert any('laterality LEFT' in warning for warning in section.warnings)


def test_a_factor_with_one_value_has_no_table_and_is_named(sections):
    section = sections['strata']
    assert not any('hospital' in item.name for item in section.items)
    assert any('hospital' in text for text in section.text)


def test_hospitals_of_one_index_are_strata(tmp_path):
    rows = make_rows('a', 12, 0.5, 0)
    rows += make_rows('b', 12, 0.5, 1)
    tested = predict(rows, np.random.default_rng(0), 0.5)
    make_test(tmp_path / 'w' / '20260102_000000', 'unet', 'both', tested)
    images = find_runs([tmp_path]).tests[0].images
    assert {name: chosen.sum() for name, chosen in levels(images, 'hospital').items()} == {
        'a': 12,
        'b': 12,
    }


@pytest.fixture
def mixed(tmp_path):
    """A test of 8 images with a lesion, of which 2 have weak masks, and 4 normal ones."""
    rows = make_rows('ours', 12, 1 / 3, 0)
    for number, (facts, _) in enumerate(rows):
        facts['mask_kind'] = 'weak' if number in (0, 1, 11) else 'contour'
    tested = predict(rows, np.random.default_rng(0), 0.5)
    make_test(tmp_path / 'w' / '20260102_000000', 'unet', 'ours', tested)
    return find_runs([tmp_path])


def test_weak_masks_and_contours_have_rows_of_their_own_each_with_its_own_mark(mixed):
    section = stratum_section(mixed)
    (table,) = (item for item in section.items if item.name == 'strata_ours_mask_kind')
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert list(rows) == ['contour', 'weak', 'no lesion']
    assert [row['lesion images'] for row in rows.values()] == [6, 2, 0]
    assert [row['normal images'] for row in rows.values()] == [0, 0, 4]
    assert 'weak masks' in rows['weak']['mark']
    assert 'weak masks' not in rows['contour']['mark']
    assert 'weak: ' in section.items[-1].alt
    pooled = result_section(mixed).items[0]
    assert all('weak masks' in row[-1] for row in pooled.rows)
    said = 'ours: 2 of 8 masks are weak; Strata has the scores of each kind.'
    assert said in pooled.notes


def test_one_kind_of_mask_is_no_stratum_though_some_images_have_no_lesion(runs, sections):
    assert not any('mask_kind' in item.name for item in sections['strata'].items)
    assert len(levels(runs.on('zgt')[0].images, 'mask kind')) == 2


def test_what_is_not_known_is_a_level_of_its_own(tmp_path):
    rows = make_rows('zgt', 12, 0.0, 0)
    rows[0][0]['density'] = ''
    tested = predict(rows, np.random.default_rng(0), 0.5)
    make_test(tmp_path / 'w' / '20260102_000000', 'unet', 'zgt', tested)
    images = find_runs([tmp_path]).tests[0].images
    assert list(levels(images, 'density'))[-1] == 'unknown'
    assert levels(images, 'density')['unknown'].sum() == 1


def test_a_data_set_without_lesions_has_tables_and_no_figure(tmp_path):
    tested = predict(make_rows('zgt', 12, 1.0, 0), np.random.default_rng(0), 0.5)
    make_test(tmp_path / 'w' / '20260102_000000', 'unet', 'zgt', tested)
    items = stratum_section(find_runs([tmp_path])).items
    assert items
    assert all(hasattr(item, 'rows') for item in items)

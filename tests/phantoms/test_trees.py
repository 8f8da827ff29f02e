import runpy
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from phantom_tables import read_rows, truth_of

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.image import read_image
from mmseg_mammo.phantoms.cbis_cases import read_cases
from mmseg_mammo.phantoms.cbis_layouts import LAYOUTS
from mmseg_mammo.phantoms.trees import DEFECTS, write_cbis_tree, write_hospital_tree
from mmseg_mammo.preparation.cbis_ddsm.table import FILE_NAMES

HEIGHT = 96


@pytest.fixture(scope='module')
def plain(tmp_path_factory):
    return write_cbis_tree(tmp_path_factory.mktemp('plain') / 'raw', patients=8, height=HEIGHT)


@pytest.fixture(scope='module')
def broken(tmp_path_factory):
    out = tmp_path_factory.mktemp('broken') / 'raw'
    return write_cbis_tree(out, patients=16, height=HEIGHT, defects=DEFECTS)


def test_every_csv_row_has_image_mask_and_crop(plain):
    truth = truth_of(plain)
    assert set(truth) == {case.name for case in read_cases(plain)}
    for row in truth.values():
        image, mask, crop = (read_image(plain / row[name]) for name in ('image', 'mask', 'crop'))
        assert image.dtype == crop.dtype == np.uint16
        assert mask.dtype == np.uint8
        assert set(np.unique(mask)) == {0, 255}
        assert mask.shape == image.shape


def test_a_view_can_exist_as_mass_and_as_calcification_copy(plain):
    copies = {}
    for case in read_cases(plain):
        copies.setdefault(case.view_key, {})[case.subset] = truth_of(plain)[case.name]['image']
    both = [paths for paths in copies.values() if len(paths) == 2]
    assert both
    for paths in both:
        first, second = (read_image(plain / path) for path in paths.values())
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize('layout', sorted(set(LAYOUTS) - {'L2'}))
def test_every_layout_holds_the_same_pixels(plain, tmp_path, layout):
    other = write_cbis_tree(
        tmp_path / 'raw', layout=layout, patients=8, height=HEIGHT, subset=['mass-test']
    )
    truth = truth_of(plain)
    rows = truth_of(other)
    assert rows
    for name, row in rows.items():
        for kind in ('image', 'mask', 'crop'):
            expected = read_image(plain / truth[name][kind]).astype(int)
            actual = read_image(other / row[kind]).astype(int)
            if layout == 'L6':  # 8-bit JPEG
                shift = 0 if kind == 'mask' else 8
                assert np.abs(actual - (expected >> shift)).mean() < 6
            else:
                np.testing.assert_array_equal(actual, expected)


def test_layouts_have_the_paths_of_the_real_downloads(plain, tmp_path):
    image = next(iter(truth_of(plain).values()))['image']
    root, folder, study, series, name = image.split('/')
    assert (root, name) == ('CBIS-DDSM', '1-1.dcm')
    assert study.startswith('07-20-2016-DDSM-')
    assert series.startswith('1.000000-full mammogram images-')
    header = pydicom.dcmread(plain / image)
    assert study[-5:] == header.StudyInstanceUID[-5:]
    assert series[-5:] == header.SeriesInstanceUID[-5:]
    locations = {row['File Location'] for row in read_rows(plain / 'metadata.csv')}
    assert f'./{root}/{folder}/{study}/{series}' in locations


def test_defects_are_planted_as_asked(broken):
    cases = {case.name: case for case in read_cases(broken)}
    truth = truth_of(broken)
    found = {row['defect'] for row in truth.values()} - {''}
    assert found == set(DEFECTS) - {'order'}
    for name, row in truth.items():
        defect, split = row['defect'], cases[name].is_split
        assert split == (defect in ('split', 'swapped'))
        assert bool(row['mask']) == bool(row['crop']) == (defect != 'missing')
        if defect == 'missing-image':
            assert not row['image']
        if not (row['mask'] and row['image']):
            continue
        image, mask = (read_image(broken / row[kind]) for kind in ('image', 'mask'))
        scale = np.array(mask.shape) / image.shape
        if defect == 'scaled':
            np.testing.assert_allclose(scale, 0.87, atol=0.01)
        elif defect == 'shifted':
            assert (mask.shape[0] - image.shape[0], mask.shape[1] - image.shape[1]) == (3, -5)
        else:
            np.testing.assert_array_equal(scale, 1)
        assert mask.any() == (defect != 'empty')


def test_swapped_columns_name_the_mask_as_crop(broken):
    cases = {case.name: case for case in read_cases(broken)}
    swapped = [row for row in truth_of(broken).values() if row['defect'] == 'swapped']
    assert swapped
    for row in swapped:
        series = pydicom.dcmread(broken / row['mask']).SeriesInstanceUID
        assert series in cases[row['abnormality']].crop_path


def test_order_puts_every_mask_where_its_csv_does_not_say(broken):
    for case in read_cases(broken):
        path = truth_of(broken)[case.name]['mask']
        if path and not case.is_split:
            assert path.endswith('1-1.dcm') == case.mask_path.endswith('000001.dcm')


def test_real_csvs_are_copied_and_a_map_places_the_masks(plain, tmp_path):
    case = next(case for case in read_cases(plain) if case.subset == 'mass-test')
    study = f'{case.name}/09-06-2017-DDSM-12345'
    series = f'1.000000-cropped images-{case.mask_path.split("/")[2][-5:]}'
    table = tmp_path / 'map.csv'
    table.write_text(
        'abnormality,real_mask_dir,real_mask_file,real_image\n'
        f'{case.name},{study}/{series},1-1.dcm,\n'
    )
    out = write_cbis_tree(
        tmp_path / 'raw', csv_dir=plain, mask_file_map=table, subset=['mass-test'], height=HEIGHT
    )
    assert truth_of(out)[case.name]['mask'] == f'CBIS-DDSM/{study}/{series}/1-1.dcm'
    assert {row['subset'] for row in truth_of(out).values()} == {'mass-test'}
    for filename in FILE_NAMES:
        assert (out / filename).read_bytes() == (plain / filename).read_bytes()


def test_a_subset_shows_the_same_images_as_the_whole(plain, tmp_path):
    out = write_cbis_tree(
        tmp_path / 'raw', patients=8, height=HEIGHT, subset=['calc-train'], limit=1
    )
    rows = truth_of(out)
    assert len({row['image'] for row in rows.values()}) == 1
    for row in rows.values():
        assert (out / row['image']).read_bytes() == (plain / row['image']).read_bytes()


def test_the_tree_says_that_it_is_a_phantom(plain, tmp_path):
    hospital = write_hospital_tree(tmp_path / 'zgt', patients=1, height=64)
    assert 'seed: 0' in (plain / 'PHANTOM.txt').read_text()
    assert 'hospital: zgt' in (hospital / 'PHANTOM.txt').read_text()


def test_a_foreign_folder_is_left_alone_and_a_finished_tree_is_kept(tmp_path):
    out = tmp_path / 'raw'
    out.mkdir()
    (out / 'thesis.docx').write_text('mine')
    with pytest.raises(MammoError, match='not empty'):
        write_hospital_tree(out, patients=1, height=64)
    assert [path.name for path in tmp_path.rglob('*')] == ['raw', 'thesis.docx']
    other = write_hospital_tree(tmp_path / 'other', patients=1, height=64)
    (other / 'annotations.csv').unlink()
    write_hospital_tree(other, patients=1, height=64)
    assert not (other / 'annotations.csv').exists()
    with pytest.raises(MammoError, match='not a phantom tree of these options'):
        write_hospital_tree(other, patients=1, height=64, seed=1)


def test_a_failed_run_leaves_nothing_and_a_killed_one_is_started_again(tmp_path, monkeypatch):
    target = 'mmseg_mammo.phantoms.trees.write_export'
    with monkeypatch.context() as patch:
        patch.setattr(target, lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write_hospital_tree(tmp_path / 'raw', patients=1, height=64)
    assert not list(tmp_path.iterdir())
    killed = tmp_path / '.raw.partial'
    killed.mkdir()
    (killed / 'PHANTOM.txt').write_text('')
    (killed / 'half.dcm').write_text('')
    out = write_hospital_tree(tmp_path / 'raw', patients=1, height=64)
    assert not (out / 'half.dcm').exists()
    assert not killed.exists()


@pytest.mark.parametrize(
    ('options', 'named'),
    [
        ({'layout': 'L7'}, 'L1, L2'),
        ({'defects': ['mirrored']}, 'mirrored'),
        ({'subset': ['train']}, 'mass-train'),
        ({'patients': 3}, '4 or more'),
        ({'height': 10}, '64'),
        ({'mask_file_map': 'map.csv'}, 'without real CSVs'),
        ({'csv_dir': '.', 'defects': ['split']}, 'split'),
        ({'csv_dir': 'nowhere'}, 'nowhere'),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path, options, named):
    with pytest.raises(MammoError, match=named):
        write_cbis_tree(tmp_path / 'raw', **options)
    assert not list(tmp_path.iterdir())


def test_the_help_of_the_tool_keeps_its_example_and_names_the_separator(monkeypatch, capsys):
    tool = Path(__file__).parents[2] / 'tools' / 'make_phantom.py'
    monkeypatch.setattr(sys, 'argv', [tool.name, '--help'])
    with pytest.raises(SystemExit):
        runpy.run_path(str(tool), run_name='__main__')
    said = capsys.readouterr().out
    assert '--height 96 \\\n        --csv-dir' in said
    assert 'defects to plant, joined by commas' in ' '.join(said.split())

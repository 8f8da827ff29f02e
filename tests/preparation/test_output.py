import json

import numpy as np
import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.files import write_once
from mmseg_mammo.io.image import read_raster
from mmseg_mammo.io.index import read_index
from mmseg_mammo.preparation import output
from mmseg_mammo.preparation.output import (
    OPTIONS_NAME,
    PHANTOM_MARK,
    claim_folder,
    count_table,
    is_phantom,
    pair_record,
    row_from_record,
    share_of,
    write_pair,
)

OPTIONS = {'tool': 'prepare_x', 'long_side': 64, 'values': []}
IMAGE = np.random.default_rng(0).integers(0, 65536, (80, 40)).astype(np.uint16)


def test_a_folder_is_resumed_with_its_own_options_only(tmp_path):
    out = tmp_path / 'out'
    claim_folder(out, OPTIONS)
    claim_folder(out, OPTIONS)
    assert json.loads((out / OPTIONS_NAME).read_text()) == {'format': 2, **OPTIONS}
    with pytest.raises(MammoError, match=r'long_side was 64, is 0.*another output folder'):
        claim_folder(out, OPTIONS | {'long_side': 0})


def test_a_folder_whose_pixels_another_version_made_is_not_resumed(tmp_path):
    (tmp_path / OPTIONS_NAME).write_text(json.dumps({'format': 1, **OPTIONS}))
    with pytest.raises(MammoError, match=r'format was 1, is 2.*this version makes other pixels'):
        claim_folder(tmp_path, OPTIONS)


def test_a_folder_of_the_user_is_left_alone(tmp_path):
    (tmp_path / 'thesis.doc').touch()
    with pytest.raises(MammoError, match='not made by a preparation tool'):
        claim_folder(tmp_path, OPTIONS)
    assert [path.name for path in tmp_path.iterdir()] == ['thesis.doc']


def test_half_files_of_a_killed_claim_are_no_obstacle(tmp_path):
    (tmp_path / '.partial-0').touch()
    claim_folder(tmp_path, OPTIONS)
    assert (tmp_path / OPTIONS_NAME).is_file()


def test_half_files_of_a_shard_that_is_running_are_left_alone(tmp_path):
    claim_folder(tmp_path, OPTIONS)
    (tmp_path / 'images').mkdir()
    (tmp_path / 'images/.partial-1').touch()
    claim_folder(tmp_path, OPTIONS)
    assert (tmp_path / 'images/.partial-1').exists()


def test_of_shards_that_start_at_once_with_other_options_one_claims_the_folder(
    tmp_path, monkeypatch
):
    """The second one finds the claim of the first where it wanted to write its own."""

    def second(path, data):
        write_once(path, json.dumps({'format': 2, **OPTIONS}).encode())
        write_once(path, data)

    monkeypatch.setattr(output, 'write_once', second)
    with pytest.raises(MammoError, match='long_side was 64, is 0'):
        claim_folder(tmp_path, OPTIONS | {'long_side': 0})


def test_a_pair_is_shrunk_together_and_its_size_remembered(tmp_path):
    mask = np.zeros(IMAGE.shape, bool)
    mask[10:30, 20:30] = True
    pair = write_pair(tmp_path, 'a', IMAGE, mask, long_side=40)
    assert (pair.original_height, pair.original_width) == (80, 40)
    assert pair.lesion_share == 200 / 3200
    assert read_raster(tmp_path / pair.image).dtype == np.uint16
    expected = np.zeros((40, 20), np.uint8)
    expected[5:15, 10:15] = 255
    np.testing.assert_array_equal(read_raster(tmp_path / pair.mask), expected)
    mask[10, 19] = True  # of another share after shrinking
    pair = write_pair(tmp_path, 'a', IMAGE, mask, long_side=24)
    assert float(pair.mask_share) == (read_raster(tmp_path / pair.mask) == 255).mean()  # all digits
    assert float(pair.mask_share) != pair.lesion_share
    assert write_pair(tmp_path, 'a', IMAGE, mask & False, long_side=40).mask_share == ''


@pytest.mark.parametrize('mask', [None, np.zeros(IMAGE.shape, bool)])
def test_an_image_without_lesion_gets_no_mask_and_loses_an_old_one(tmp_path, mask):
    old = write_pair(tmp_path, 'a', IMAGE, np.ones(IMAGE.shape, bool), long_side=0)
    pair = write_pair(tmp_path, 'a', IMAGE, mask, long_side=0)
    assert pair.mask == ''
    assert not (tmp_path / old.mask).exists()
    np.testing.assert_array_equal(read_raster(tmp_path / pair.image), IMAGE)


def test_a_phantom_tree_is_known_from_any_folder_in_it(tmp_path):
    (tmp_path / 'tree/dicom').mkdir(parents=True)
    (tmp_path / 'tree' / PHANTOM_MARK).touch()
    assert is_phantom(tmp_path / 'tree')
    assert is_phantom(tmp_path / 'tree/dicom')
    assert not is_phantom(tmp_path)


def test_the_printed_counts(prepared):
    lines = [line.split() for line in count_table(read_index(prepared / 'index.csv')).splitlines()]
    assert lines == [
        ['split', 'patients', 'images', 'lesion', 'normal', 'no'],
        ['train', '2', '4', '3', '1', '0'],
        ['val', '1', '2', '1', '1', '0'],
        ['test', '2', '3', '1', '1', '1'],
    ]


def test_a_row_has_the_files_and_the_size_before_shrinking(tmp_path):
    mask = np.zeros((80, 40), bool)
    mask[:20] = True
    pair = write_pair(tmp_path, 'x', IMAGE, mask, 40)
    facts = dict.fromkeys(
        ('patient_id', 'laterality', 'view', 'split', 'finding', 'pathology', 'density'), 'f'
    )
    facts |= {'annotated': 'lesion', 'mask_kind': 'contour', 'source': 'ours'}
    row = row_from_record(pair_record(pair, note='more'), **facts)
    assert (row.image, row.mask) == ('images/x.png', 'masks/x.png')
    assert (row.original_height, row.original_width) == (80, 40)
    assert {name: getattr(row, name) for name in facts} == facts


def test_a_share_is_the_mean_of_a_mask_to_the_last_bit():
    rng = np.random.default_rng(0)
    for density in (0, 0.001, 0.3, 1):
        mask = rng.random((97, 61)) < density
        assert share_of(mask) == float(mask.mean())

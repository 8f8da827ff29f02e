from dataclasses import asdict, replace

import pytest

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.io.index import (
    COLUMNS,
    DESCRIPTION,
    OPTIONAL,
    Row,
    check_rows,
    merge_terms,
    read_index,
    write_index,
)
from mmseg_mammo.io.table import write_table

LESION = Row(
    image='images/a.png',
    mask='masks/a.png',
    patient_id='P1',
    laterality='LEFT',
    view='CC',
    split='train',
    finding='mass+calcification',
    pathology='malignant+benign',
    density='2',
    annotated='lesion',
    mask_kind='contour',
    source='ours',
    original_height=4000,
    original_width=3000,
)
NORMAL = replace(LESION, image='images/b.png', mask='', annotated='normal', pathology='')
OTHER = replace(NORMAL, image='images/c.png', patient_id='P2', split='test', annotated='no')


def write_old(path, *records):
    """An index of the versions before the optional columns."""
    write_table(path, COLUMNS, [{name: one[name] for name in COLUMNS} for one in records])


@pytest.fixture
def folder(tmp_path):
    for name in ('images/a.png', 'images/b.png', 'images/c.png', 'masks/a.png'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_an_index_comes_back_as_it_was_written(folder):
    rows = [LESION, NORMAL, OTHER]
    write_index(folder / 'index.csv', rows)
    assert read_index(folder / 'index.csv') == rows


SPACED = replace(
    LESION,
    study_uid='1.2.3',
    series_uid='1.2.3.4',
    sop_uid='1.2.3.4.5',
    pixel_spacing='0.065 0.066',
    imager_pixel_spacing='0.07 0.071',
    magnification='1.05',
)


def test_the_facts_of_a_dicom_file_come_back(folder):
    write_index(folder / 'index.csv', [SPACED, NORMAL])
    assert read_index(folder / 'index.csv') == [SPACED, NORMAL]
    head = (folder / 'index.csv').read_text().splitlines()[0]
    assert head.split(',') == [*COLUMNS, *OPTIONAL]


def test_an_index_of_an_earlier_version_is_read_and_its_spacings_are_unknown(folder):
    write_old(folder / 'index.csv', asdict(SPACED))
    assert read_index(folder / 'index.csv') == [LESION]


def test_results_carry_no_identifiers_of_dicom():
    assert not set(DESCRIPTION) & set(OPTIONAL)


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'laterality': 'L'}, "row 3: laterality 'L'. Allowed: LEFT, RIGHT"),
        ({'view': 'cc'}, "row 3: view 'cc'. Allowed: CC, MLO"),
        ({'split': 'dev'}, "row 3: split 'dev'. Allowed: train, val, test"),
        ({'annotated': 'yes'}, "row 3: annotated 'yes'. Allowed: lesion, normal, no"),
        ({'mask_kind': 'box'}, "row 3: mask_kind 'box'. Allowed: contour, weak, phantom"),
        ({'pathology': 'benign+bad'}, "row 3: pathology 'bad'. Allowed: malignant, benign"),
        ({'patient_id': ''}, 'row 3: no patient_id'),
        ({'image': ''}, 'row 3: no image'),
        ({'image': '/data/b.png'}, "row 3: image '/data/b.png'. Allowed: a plain path inside"),
        ({'image': '../b.png'}, "row 3: image '../b.png'. Allowed: a plain path inside"),
        ({'image': 'images/a.png'}, "row 3: image 'images/a.png' is already in row 2. Keep one"),
        ({'original_width': 0}, 'row 3: original size 4000×0'),
        ({'annotated': 'lesion'}, "row 3: annotated is 'lesion' and mask is ''"),
        ({'mask': 'masks/b.png'}, "row 3: annotated is 'normal' and mask is 'masks/b.png'"),
        (
            {'mask': 'masks/b.png', 'annotated': 'lesion', 'mask_kind': 'image-label'},
            "and mask is 'masks/b.png', mask_kind image-label. Allowed: a mask for lesion unless",
        ),
        ({'pixel_spacing': '0 0.07'}, "row 3: pixel_spacing '0 0.07'. Allowed: lengths in mm"),
        ({'pixel_spacing': '1 2 3'}, "row 3: pixel_spacing '1 2 3'. Allowed: lengths in mm"),
        (
            {'imager_pixel_spacing': '70 70'},
            "row 3: imager_pixel_spacing '70 70' makes the image 280000 × 210000 mm. Allowed",
        ),
        ({'magnification': '0.5'}, "row 3: magnification '0.5'. Allowed: lengths in mm"),
        ({'split': 'val'}, "patient 'P1' is in several splits: train (row 2), val (row 3)"),
    ],
)
def test_each_broken_rule_names_file_row_and_remedy(tmp_path, change, message):
    with pytest.raises(DataIndexError) as caught:
        check_rows([LESION, replace(NORMAL, **change)], tmp_path / 'index.csv')
    assert message in str(caught.value)
    assert 'index.csv' in str(caught.value)


def test_a_lesion_that_nobody_outlined_has_an_image_label_and_no_mask(folder):
    label = replace(LESION, mask='', mask_kind='image-label')
    write_index(folder / 'index.csv', [label, NORMAL])
    assert read_index(folder / 'index.csv') == [label, NORMAL]
    # of an image without a lesion the kind of mask says nothing, as ever
    check_rows([replace(NORMAL, mask_kind='image-label')], folder / 'index.csv')


def test_a_broken_index_is_not_written(tmp_path):
    with pytest.raises(DataIndexError):
        write_index(tmp_path / 'index.csv', [LESION, LESION])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('column', COLUMNS)
def test_a_missing_column_is_named(folder, column):
    columns = [name for name in COLUMNS if name != column]
    record = {name: value for name, value in asdict(LESION).items() if name in columns}
    write_table(folder / 'index.csv', columns, [record])
    with pytest.raises(
        DataIndexError, match=rf'index\.csv: missing column {column}; it has.*prepare that'
    ):
        read_index(folder / 'index.csv')


@pytest.mark.parametrize('name', ['images/a.png', 'masks/a.png'])
def test_a_missing_file_is_named_with_its_row(folder, name):
    write_index(folder / 'index.csv', [NORMAL, LESION])
    (folder / name).unlink()
    with pytest.raises(DataIndexError, match=rf'index\.csv, row 3: {name} does not exist.*Prepare'):
        read_index(folder / 'index.csv')
    assert len(read_index(folder / 'index.csv', check_files=False)) == 2


def test_a_size_that_is_no_number_is_named(folder):
    write_old(folder / 'index.csv', asdict(LESION) | {'original_height': '4e3'})
    with pytest.raises(DataIndexError, match=r"row 2: original_height '4e3'.*whole number"):
        read_index(folder / 'index.csv')


def test_an_index_without_rows_or_file_is_refused(tmp_path):
    write_table(tmp_path / 'index.csv', COLUMNS, [])
    with pytest.raises(DataIndexError, match='no rows'):
        read_index(tmp_path / 'index.csv')
    with pytest.raises(DataIndexError, match=r'absent\.csv: No such file.*mammoseg prepare'):
        read_index(tmp_path / 'absent.csv')


def test_one_mask_serves_one_image(folder):
    twin = replace(LESION, image='images/b.png')
    with pytest.raises(DataIndexError, match=r"row 3: mask 'masks/a.png' is already in row 2"):
        check_rows([LESION, twin], folder / 'index.csv')


@pytest.mark.parametrize('image', ['./images/b.png', 'images//b.png'])
def test_a_file_cannot_hide_behind_another_spelling(folder, image):
    with pytest.raises(DataIndexError, match=r'row 2: image .*a plain path inside'):
        check_rows([replace(NORMAL, image=image)], folder / 'index.csv')


@pytest.mark.parametrize(
    ('cells', 'order', 'merged'),
    [
        (['calcification', 'mass', 'calcification'], (), 'calcification+mass'),
        (['mass+calcification', '', 'asymmetry+mass'], (), 'mass+calcification+asymmetry'),
        (['benign', 'malignant'], ('malignant', 'benign', 'unproven'), 'malignant+benign'),
        (['other', 'benign'], ('malignant', 'benign'), 'benign+other'),
        (['', ''], ('malignant',), ''),
    ],
)
def test_terms_of_several_cells_stand_once_those_with_an_order_first(cells, order, merged):
    assert merge_terms(cells, order) == merged


def test_a_missing_file_is_found_in_a_folder_of_many_and_nothing_is_opened(folder, monkeypatch):
    rows = [replace(NORMAL, image=f'images/{n}.png', patient_id=str(n)) for n in range(50)]
    for row in rows:
        (folder / row.image).touch()  # no image, which nobody sees
    write_index(folder / 'index.csv', rows)
    monkeypatch.setattr('mmseg_mammo.io.index.files_in', lambda folder: set())
    assert read_index(folder / 'index.csv') == rows  # of a disk whose listing tells nothing
    monkeypatch.undo()
    (folder / 'images/17.png').unlink()
    (folder / 'images/17.png').mkdir()
    with pytest.raises(DataIndexError, match=r'row 19: images/17\.png does not'):
        read_index(folder / 'index.csv')

"""Split files of every format, made here, become the same entries."""

import json
import re

import pytest

from mmseg_mammo.errors import DataFileError, DataIndexError
from mmseg_mammo.preparation.split_audit.read import Options, read_split


@pytest.fixture
def read(tmp_path):
    def read_text(name, text, **options):
        path = tmp_path / name
        path.write_text(text if isinstance(text, str) else json.dumps(text), encoding='utf-8')
        found = read_split(path, Options(**options)).entries
        return [(entry.group, entry.split, entry.name, entry.patient) for entry in found]

    return read_text


A, B = ('', 'train', 'a/1', 'H1'), ('', 'test', 'a/2', 'H2')
NAMES = [('', 'train', 'a/1', ''), ('', 'test', 'a/2', '')]


@pytest.mark.parametrize(
    'text',
    [
        'image,patient_id,split\na/1.png,H1,train\na/2.png,H2,test\n',
        'File Name;Subject ID;data_split\na\\1.dcm;H1;Training\na\\2.dcm;H2;Test\n',
        'path\tpatient\tSet\na/1.nii.gz\tH1\tTR\na/2.nii.gz\tH2\tTS\n',
    ],
)
def test_tables_with_a_column_for_the_split(read, text):
    assert read('split.csv', text) == [A, B]


def test_a_table_with_a_column_for_each_split(read):
    assert read('split.csv', ',train,val,test\n0,a/1.png,,a/2.png\n') == NAMES


@pytest.mark.parametrize(('yes', 'no'), [('1', '0'), ('x', ''), ('True', 'False')])
def test_columns_of_splits_may_be_flags_beside_the_image(read, tmp_path, yes, no):
    text = (
        f'image,patient,train,test\na/1.png,H1,{yes},{no}\na/2.png,H2,{no},{yes}\nb,H3,{no},{no}\n'
    )
    assert read('split.csv', text) == [A, B]
    assert read_split(tmp_path / 'split.csv').unassigned == 1


def test_columns_that_are_named(read):
    text = 'Pnr,bestand,groep,split\nH1,a/1.png,train,x\nH2,a/2.png,test,x\n'
    columns = {'patient': 'Pnr', 'name': 'bestand', 'split': 'groep'}
    assert read('split.csv', text, columns=columns) == [A, B]


def test_folds_of_a_table_are_splits(read):
    text = 'image,patient,fold\na/1.png,H1,0\na/2.png,H2,1\n'
    assert [row[1] for row in read('split.csv', text)] == ['fold 0', 'fold 1']


@pytest.mark.parametrize('name', ['train.csv', 'rsna_train_data.csv', 'training.csv'])
def test_a_table_without_such_a_column_is_the_split_of_its_name(read, name):
    assert read(name, 'image,patient\na/1.png,H1\n') == [A]


@pytest.mark.parametrize(
    'text', ['a/1.png\n', '# mine\n\na/1.png a/1_mask.png\n', 'a/1,0\n', '\ufeffa/1.png\t1\n']
)
def test_lists(read, text):
    assert read('train.txt', text) == NAMES[:1]


def test_splits_of_nnunet_are_alternatives(read):
    folds = [{'train': ['1', '2'], 'val': ['3']}, {'train': ['3'], 'val': ['1']}]
    assert [row[:3] for row in read('splits_final.json', folds)] == [
        ('fold 0', 'train', '1'),
        ('fold 0', 'train', '2'),
        ('fold 0', 'val', '3'),
        ('fold 1', 'train', '3'),
        ('fold 1', 'val', '1'),
    ]


@pytest.mark.parametrize(
    ('training', 'split'),
    [
        ({'image': 'a/1.nii.gz', 'label': 'b/1.nii.gz'}, 'train'),
        ({'image': ['a/1.nii.gz', 'a/1_t.nii.gz'], 'fold': 0}, 'fold 0'),
    ],
)
def test_data_lists_of_monai(read, training, split):
    listed = {
        'name': 'breast',
        'labels': {'0': 'background'},
        'numTest': 1,
        'training': [training],
        'test': ['a/2.nii.gz'],
    }
    assert read('dataset.json', listed) == [('', split, 'a/1', ''), NAMES[1]]


def test_a_table_as_json(read):
    rows = [
        {'image': 'a/1.png', 'patient': 'H1', 'split': 'train'},
        {'image': 'a/2.png', 'patient': 'H2', 'split': 'test'},
    ]
    assert read('split.json', rows) == [A, B]


def test_a_prepared_folder_and_images_at_hand(tmp_path):
    (tmp_path / 'index.csv').write_text('image,split\n1.png,train\n2.png,test\n')
    (tmp_path / '1.png').write_bytes(b'x')
    found = read_split(tmp_path).entries
    assert [entry.path for entry in found] == [tmp_path / '1.png', None]
    (tmp_path / 'b').mkdir()
    (tmp_path / 'b' / '2.png').write_bytes(b'x')
    found = read_split(tmp_path / 'index.csv', Options(root=tmp_path / 'b')).entries
    assert [entry.path for entry in found] == [tmp_path / '1.png', tmp_path / 'b' / '2.png']


def test_case_tables_of_cbis_are_splits_by_their_names(tmp_path):
    path = tmp_path / 'mass_case_description_test_set.csv'
    path.write_text(
        'patient_id,left or right breast,image view,image file path\n'
        'P_00016,LEFT,CC,Mass-Test_P_00016_LEFT_CC/1.3/1.4/000000.dcm\n'
    )
    (entry,) = read_split(path).entries
    assert (entry.split, entry.patient, entry.side) == ('test', 'P_00016', 'LEFT')
    assert (entry.name, entry.official) == ('Mass-Test_P_00016_LEFT_CC', 'test')


def test_rows_of_no_split_are_counted(tmp_path):
    (tmp_path / 'a.csv').write_text('image,split\n1.png,train\n2.png,\n')
    found = read_split(tmp_path / 'a.csv')
    assert (len(found.entries), found.unassigned) == (1, 1)


def test_the_pattern_is_searched_in_names(read):
    pattern = re.compile(r'(?P<patient>H\d)')
    assert read('train.txt', 'H1_x.png\n', pattern=pattern) == [('', 'train', 'H1_x', 'H1')]


@pytest.mark.parametrize(
    ('name', 'text', 'kind', 'said'),
    [
        ('a.csv', 'colour,split\nred,train\n', DataIndexError, 'no column of images or patients'),
        ('a.csv', 'image,split\n', DataFileError, 'no image in any split'),
        ('a.txt', '', DataFileError, 'no image in any split'),
        ('a.json', '{"images": []}', DataFileError, 'no list of images'),
        ('a.json', '[3]', DataFileError, 'no list of images'),
        ('a.json', '{', DataFileError, 'not JSON'),
        ('a.json', {'train': [3]}, DataFileError, '3 in a split'),
        ('a.json', {'train': [{'x': 'y'}]}, DataFileError, 'no image among the keys x'),
    ],
)
def test_what_is_no_split_is_refused(read, name, text, kind, said):
    with pytest.raises(kind, match=said):
        read(name, text)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataFileError, match='No such file'):
        read_split(tmp_path / 'a.csv')

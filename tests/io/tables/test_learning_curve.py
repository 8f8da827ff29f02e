import pytest
from learning_curves import make_curve

from mmseg_mammo.errors import DataFileError, DataIndexError
from mmseg_mammo.io.tables.learning_curve import count_order, read_curve


def test_what_is_written_is_read_back(tmp_path):
    made = make_curve(tmp_path)
    found = read_curve(tmp_path)
    assert found == made
    assert found.unit == 'images'
    assert found.cells[0]['config'] == 'start'
    assert len(found.patients) == 25 * len(found.cells)


@pytest.mark.parametrize(
    ('name', 'before', 'after', 'said'),
    [
        (
            'learning_curve.csv',
            ',images,',
            ',patient,',
            "unit 'patient'. Allowed: images, patients",
        ),
        ('learning_curve.csv', 'unet_full,5,', 'unet_full,five,', "count 'five'. Allowed: a whole"),
        ('learning_curve_patients.csv', ',P00,2,', ',P00,two,', "lesion_images 'two'"),
    ],
)
def test_a_damaged_table_is_one_line(name, before, after, said, tmp_path):
    make_curve(tmp_path)
    text = (tmp_path / name).read_text()
    head, rest = text.split('\n', 1)
    (tmp_path / name).write_text(f'{head}\n{rest.replace(before, after, 1)}')
    with pytest.raises(DataFileError, match=said):
        read_curve(tmp_path)


def test_a_missing_table_of_patients_is_told(tmp_path):
    make_curve(tmp_path)
    (tmp_path / 'learning_curve_patients.csv').unlink()
    with pytest.raises(DataIndexError, match=r'learning_curve_patients\.csv'):
        read_curve(tmp_path)


def test_counts_are_sorted_as_numbers():
    assert sorted(['all', '20', '5', '100'], key=count_order) == ['5', '20', '100', 'all']

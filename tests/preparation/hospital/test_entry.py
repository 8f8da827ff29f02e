import numpy as np
import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.image import write_png
from mmseg_mammo.preparation.hospital.entry import COLUMNS, Gaps, Raw, collect
from mmseg_mammo.preparation.hospital.table import read_hospital_table

NORMAL = Gaps(empty_mask='normal')


@pytest.mark.parametrize('word', ['NA', 'nan', 'None'])
def test_words_for_empty_cells_are_empty_where_that_makes_no_normal_image(tmp_path, word):
    write_png(tmp_path / 'a.png', np.zeros((8, 6), np.uint8))
    unknown = dict.fromkeys(('mask', 'laterality', 'view', 'pathology'), word)

    def read(annotated):
        cells = {**dict.fromkeys(COLUMNS, ''), 'image': 'a.png', 'patient_id': '7', **unknown}
        return collect([Raw('row 2', {**cells, 'annotated': annotated})], tmp_path, NORMAL)

    for said in ('normal', 'no'):
        ((entry,), problems) = read(said)
        assert not problems
        assert (entry.mask, entry.annotated) == (None, said)
        assert (entry.laterality, entry.view, entry.pathology) == ('', '', '')
    for said in ('lesion', ''):
        entries, (problem,) = read(said)
        assert not entries
        assert f'{word} does not exist' in problem.message


def test_a_word_for_an_empty_cell_beside_a_mask_is_none(tmp_path):
    for name in ('a.png', 'm.png'):
        write_png(tmp_path / name, np.zeros((8, 6), np.uint8))
    (tmp_path / 'list.csv').write_text('image,mask,mask,patient_id\na.png,NA,m.png,7\n')
    entries, problems = read_hospital_table(tmp_path / 'list.csv', tmp_path, {}, {}, NORMAL)
    assert not problems
    assert [entry.mask.name for entry in entries] == ['m.png']


@pytest.mark.parametrize('pattern', ['P', '(P)(1)', '(P'])
def test_patterns_without_one_group_are_refused(pattern):
    with pytest.raises(MammoError, match='pattern'):
        Gaps(patient_pattern=pattern)

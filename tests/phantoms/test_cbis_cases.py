"""Case lists: the four tables of CBIS-DDSM, invented and read."""

import csv

import numpy as np
import pydicom
import pytest

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.phantoms.cbis_cases import SUBSETS, invent_cases, make_uid, read_cases
from mmseg_mammo.preparation.cbis_ddsm.table import FILE_NAMES
from mmseg_mammo.preparation.cbis_ddsm.table import read_cases as read_as_prepared

FILES = {subset: kind.file_name(split) for subset, (kind, split) in SUBSETS.items()}


def prefix(subset):
    kind, split = SUBSETS[subset]
    return kind.folder_prefix(split)


PATIENTS = 24


def read_rows(path):
    with path.open(newline='') as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def invent(tmp_path):
    """Invent tables in a folder of that name; the folder, and what was planted."""

    def invent(name, *defects, patients=PATIENTS, seed=0):
        (tmp_path / name).mkdir()
        generator = np.random.default_rng(seed)
        return tmp_path / name, invent_cases(generator, tmp_path / name, patients, defects)

    return invent


def test_csvs_keep_the_quirks_of_the_real_ones(invent):
    plain, _ = invent('plain')
    for subset, filename in FILES.items():
        lines = (plain / filename).read_text().splitlines()
        rows = read_rows(plain / filename)
        broken, space = (
            ('ROI mask file path', '_')
            if subset.startswith('mass')
            else ('cropped image file path', ' ')
        )
        assert len(lines) == 1 + 2 * len(rows)  # one line break inside every row
        assert all(row[broken].endswith('.dcm\n') for row in rows)
        assert f'breast{space}density' in rows[0]
        assert all(row['image file path'].endswith('/000000.dcm') for row in rows)


def shared(root):
    """Patients of mass-train that are in calcification-test too."""
    patients = {name: set() for name in SUBSETS}
    for case in read_cases(root):
        patients[case.subset].add(case.patient_id)
    return patients['mass-train'] & patients['calc-test']


def test_leaked_patients_are_in_mass_train_and_calcification_test(invent):
    plain, none = invent('plain')
    leaky, planted = invent('leaky', 'leaked')
    assert not shared(plain)
    assert not none
    (patient,) = shared(leaky)
    theirs = {c.name for c in read_cases(leaky) if c.patient_id == patient and 'test' in c.subset}
    assert planted == dict.fromkeys(theirs, 'leaked')


@pytest.mark.parametrize('defect', ['split', 'swapped'])
def test_a_tenth_of_the_rows_has_mask_and_crop_in_two_series(defect, invent):
    folder, planted = invent('tables', defect)
    cases = read_cases(folder)
    assert planted == {case.name: defect for case in cases if case.is_split}
    assert len(planted) == len(cases) // 10
    whole, _ = invent('whole')
    assert not any(case.is_split for case in read_cases(whole))


def test_the_same_generator_invents_the_same_tables_and_another_others(invent):
    texts = [
        {path.name: path.read_bytes() for path in invent(name, seed=seed)[0].iterdir()}
        for name, seed in (('a', 0), ('b', 0), ('c', 1))
    ]
    assert texts[0] == texts[1]
    assert texts[0].keys() == texts[2].keys() == set(FILES.values())
    assert all(texts[0][name] != texts[2][name] for name in texts[0])


def test_cases_say_what_the_preparation_reads_in_the_same_tables(invent):
    """Two readers of the same tables, written apart, agree."""
    folder, _ = invent('tables', 'split')
    ours = read_cases(folder)
    theirs = read_as_prepared([folder / filename for filename in FILES.values()])
    facts = [(c.name, c.patient_id, c.laterality, c.view, c.kind, str(c.density)) for c in ours]
    assert sorted(facts) == sorted(
        (c.name, c.patient_id, c.laterality, c.view, c.finding, c.density) for c in theirs
    )
    assert len({case.name for case in ours}) == len(ours)
    assert len({case.patient_id for case in ours}) == PATIENTS
    assert {case.subset for case in ours} == set(SUBSETS)
    assert set(FILES.values()) == set(FILE_NAMES)
    for case in ours:
        assert case.name.startswith(f'{prefix(case.subset)}_{case.view_key}_')
        assert case.view_key == f'{case.patient_id}_{case.laterality}_{case.view}'


def test_rows_of_one_image_name_the_same_image_and_ids_that_rise_with_gaps(invent):
    folder, _ = invent('tables')
    images, ids = {}, {}
    for filename in FILES.values():
        for row in read_rows(folder / filename):
            key = (
                filename,
                *(row[n] for n in ('patient_id', 'left or right breast', 'image view')),
            )
            images.setdefault(key, set()).add(row['image file path'])
            ids.setdefault(key[1:], []).append(int(row['abnormality id']))
    assert {len(paths) for paths in images.values()} == {1}
    assert all(sorted(set(found)) == sorted(found) for found in ids.values())
    assert any(max(found) > len(found) for found in ids.values())


def test_uids_are_valid_and_of_their_root():
    generator = np.random.default_rng(0)
    uids = [make_uid(generator) for _ in range(50)] + [make_uid(generator, '2.25')]
    assert len(set(uids)) == 51
    assert all(pydicom.uid.UID(uid).is_valid for uid in uids)
    assert uids[0].startswith('1.3.6.1.4.1.9590.100.1.2.')
    assert uids[-1].startswith('2.25.')


def test_a_table_that_is_missing_is_named(invent):
    folder, _ = invent('tables')
    (folder / FILES['calc-test']).unlink()
    with pytest.raises(DataIndexError, match=r'calc_case_description_test_set\.csv'):
        read_cases(folder)

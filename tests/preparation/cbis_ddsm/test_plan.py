import numpy as np
import pytest
from cbis_samples import make_case, uid

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.preparation.cbis_ddsm.locate import Tree
from mmseg_mammo.preparation.cbis_ddsm.plan import assign_splits, drop_leaked, plan_images

LEAKED = [
    make_case('Mass-Training_P_00016_LEFT_CC'),
    make_case('Calc-Test_P_00016_RIGHT_CC'),
    make_case('Mass-Training_P_00020_LEFT_CC'),
]
COPIES = [
    make_case('Calc-Training_P_00020_LEFT_CC', image=10, mask=11, crop=11),
    make_case('Mass-Training_P_00020_LEFT_CC', image=20, mask=21, crop=22),
    make_case('Calc-Training_P_00020_LEFT_CC', abnormality_id='4', image=10, mask=12, crop=12),
]


def test_leaked_patients_stay_in_test_only():
    kept, dropped = drop_leaked(LEAKED, 'drop-from-train')
    assert kept == LEAKED[1:]
    assert dropped == LEAKED[:1]


def test_report_names_the_leaked_patients_and_accepts_clean_tables():
    with pytest.raises(DataIndexError, match='1 patients are in train and test: P_00016'):
        drop_leaked(LEAKED, 'report')
    assert drop_leaked(LEAKED[1:], 'report') == (LEAKED[1:], [])


def make_cohort():
    return [
        make_case(f'{kind}_P_{10000 * n + number:05d}_{side}_CC')
        for n, kind in enumerate(('Mass-Training', 'Calc-Training', 'Mass-Test'))
        for number in range(40)
        for side in ('LEFT', 'RIGHT')
    ]


def test_val_comes_from_train_in_proportion_to_the_findings():
    cases = make_cohort()
    splits = assign_splits(cases, 0.1, np.random.default_rng(0))
    moved = {case.patient_id: case for case in cases if splits[case.patient_id] == 'val'}
    assert sorted(case.subset for case in moved.values()) == (
        ['calcification train'] * 4 + ['mass train'] * 4
    )
    untouched = {case.patient_id: case.split for case in cases if case.patient_id not in moved}
    assert untouched.items() <= splits.items()


def test_the_split_depends_on_the_seed_but_not_on_the_order_of_rows():
    cases = make_cohort()
    first, again, other = (
        assign_splits(rows, 0.1, np.random.default_rng(seed))
        for rows, seed in ((cases, 3), (cases[::-1], 3), (cases, 4))
    )
    assert first == again
    assert first != other


def make_tree(tmp_path, **files):
    tree = Tree(tmp_path)
    for number, paths in files.items():
        tree.files[uid(int(number[1:]))] += paths
    return tree


def test_all_rows_of_an_image_make_one_job_with_the_files_of_both_series(tmp_path):
    tree = make_tree(tmp_path, _10=['c.dcm'], _11=['x/1.dcm', 'x/2.dcm'], _21=['m'], _22=['n'])
    jobs = plan_images(COPIES, tree, long_side=64, merge_views=False)
    assert [job.name for job in jobs] == [
        'Calc-Training_P_00020_LEFT_CC',
        'Mass-Training_P_00020_LEFT_CC',
    ]
    assert jobs[0].images == ('c.dcm',)
    assert [region.files for region in jobs[0].regions] == [('x/1.dcm', 'x/2.dcm'), ()]
    assert jobs[1].inputs == [tmp_path / 'm', tmp_path / 'n']


def test_merged_copies_share_one_image_that_of_the_mass_if_it_is_there(tmp_path):
    tree = make_tree(tmp_path, _10=['c.dcm'], _20=['m.dcm'])
    (job,) = plan_images(COPIES, tree, long_side=0, merge_views=True)
    assert job.name == 'Mass+Calc-Training_P_00020_LEFT_CC'
    assert job.images == ('m.dcm',)
    assert [region.case.abnormality_id for region in job.regions] == ['1', '1', '4']
    (job,) = plan_images(COPIES, make_tree(tmp_path, _10=['c.dcm']), 0, merge_views=True)
    assert job.images == ('c.dcm',)

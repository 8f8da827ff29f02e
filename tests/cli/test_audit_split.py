"""``audit-split``: its table, its file of leaks and its exit status."""

import csv
import json

import pytest

from mmseg_mammo.cli.main import main


@pytest.fixture
def audit(capsys):
    """Exit status and output of a command line."""

    def run(*words):
        try:
            main(['audit-split', *map(str, words)])
        except SystemExit as ended:
            return ended.code, capsys.readouterr()
        return 0, capsys.readouterr()

    return run


def write(path, *rows):
    path.write_text('\n'.join(rows) + '\n')
    return path


def test_a_clean_split_ends_with_0_and_says_what_was_known(audit, tmp_path):
    lines = ['image,patient,split', 'a.png,1,train', 'b.png,2,test', 'c.png,,test', 'd.png,4,']
    status, said = audit(write(tmp_path / 'a.csv', *lines))
    unknown = 'patient of 1 rows not known: --columns patient=… or --pattern'
    assert status == 0
    assert said.out.splitlines() == [
        'train: 1 rows, 1 patients, 0 breasts, 0 views',
        f'test: 2 rows, 1 patients, 0 breasts, 0 views, {unknown}',
        '1 rows of no split were left out',
        '',
        'Nothing that is known stands on two sides.',
    ]


def test_leaks_end_with_1_and_stand_in_a_table_and_a_file(audit, tmp_path):
    names = [f'Mass-Training_P_0000{n}_LEFT' for n in range(1, 6)]
    rows = [f'{name}_{view},{split}' for name in names for view, split in (('CC', 'Train'),)]
    rows += [f'{name}_MLO,Test' for name in names]
    status, said = audit(
        write(tmp_path / 'a.csv', 'data_name,data_split', *rows), '--out', tmp_path / 'leaks.csv'
    )
    assert status == 1
    lines = [line.split('  ') for line in said.out.splitlines()]
    table = [[cell.strip() for cell in line if cell] for line in lines]
    first = 'CBIS-DDSM P_00001, CBIS-DDSM P_00002, CBIS-DDSM P_00003 …'
    assert ['patient', 'train – test', '5', '5 in test', first] in table
    assert 'breast: a breast (patient and side) has images on both sides' in said.out
    with (tmp_path / 'leaks.csv').open() as stream:
        found = list(csv.DictReader(stream))
    assert len(found) == 10
    assert found[0] == {'kind': 'patient', 'sides': 'train – test', 'found': 'CBIS-DDSM P_00001'}


def test_lists_of_several_files_are_one_split(audit, tmp_path):
    paths = [tmp_path / 'train.txt', tmp_path / 'test.txt']
    for path in paths:
        write(path, 'P102_L_DM_CC.png')
    status, said = audit(*paths)
    assert status == 1
    assert 'image name' in said.out


def test_another_file_and_a_pattern(audit, tmp_path):
    (tmp_path / 'splits_final.json').write_text(json.dumps([{'train': ['H1_a'], 'val': ['H2_a']}]))
    index = write(tmp_path / 'index.csv', 'image,patient_id,split', 'x.png,H1,test')
    words = [tmp_path / 'splits_final.json', '--against', index]
    assert audit(*words)[0] == 0
    status, said = audit(*words, '--pattern', r'(?P<patient>H\d)')
    assert status == 1
    assert 'train – test of index.csv' in said.out


def test_one_split_alone_is_called_that(audit, tmp_path):
    status, said = audit(write(tmp_path / 'test.txt', 'a.png'))
    assert status == 0
    assert 'One split only' in said.out


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['missing.csv'], 'missing.csv: No such file'),
        (['a.csv', '--columns', 'colour=x'], '--columns colour=x. Allowed: split, patient'),
        (['a.csv', '--columns', 'patient=Pnr'], 'missing column Pnr'),
        (['a.csv', '--pattern', '('], 'a regular expression'),
        (['a.csv', '--pattern', '(?P<who>x)'], 'a group (?P<patient>'),
        (['a.csv', '--out', 'a.csv/x.csv'], 'a.csv'),
    ],
)
def test_what_cannot_be_done_ends_with_2_in_one_line(audit, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / 'a.csv', 'image,split', 'a.png,train')
    status, printed = audit(*words)
    assert status == 2
    assert printed.err.startswith('mammoseg audit-split: ')
    assert said in printed.err
    assert printed.err.count('\n') == 1

"""``mammoseg lesion-free``."""

import json

import pytest
from prepared_sets import write_prepared

from mmseg_mammo.cli.main import main
from mmseg_mammo.io.index import read_index
from mmseg_mammo.preparation.lesion_free.image import KINDS


@pytest.fixture
def data(tmp_path):
    return write_prepared(tmp_path / 'data', 4)


def test_a_folder_of_cuts_has_all_of_a_prepared_folder(data, tmp_path, capsys):
    out = tmp_path / 'out'
    main(['lesion-free', str(data), str(out), '--kind', 'crop', '--jobs', '1'])
    said = capsys.readouterr().out
    assert 'Lesion-free means: free of what was annotated.' in said
    assert len(read_index(out / 'index.csv')) == 8
    assert {path.name for path in out.iterdir()} >= {'card.md', 'audit.csv', 'browse'}
    assert json.loads((out / 'preparation.json').read_text())['share'] == [0.35, 0.6]


def test_sides_of_one_split_with_a_share(data, tmp_path):
    words = ['lesion-free', str(data), str(tmp_path / 'out'), '--kind', 'side', '--jobs', '1']
    main([*words, '--share', '0.2', '0.5', '--splits', 'train', '--no-browse'])
    assert not (tmp_path / 'out' / 'browse').exists()
    with pytest.raises(SystemExit, match='share was'):
        main([*words, '--share', '0.2', '0.6'])


def test_what_means_nothing_ends_in_one_line(data, tmp_path):
    words = ['lesion-free', str(data), str(tmp_path / 'out'), '--kind', 'crop']
    with pytest.raises(SystemExit, match=r'mammoseg lesion-free: --share 2 3'):
        main([*words, '--share', '2', '3'])
    with pytest.raises(SystemExit, match='--jobs 0'):
        main([*words, '--jobs', '0'])


def test_the_kinds_of_the_command_are_those_there_are():
    from mmseg_mammo.cli import lesion_free

    assert tuple(KINDS) == lesion_free._KINDS

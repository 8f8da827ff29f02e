"""What a preparation ends with: a data card that is nobody's own, and the sheets."""

import argparse
import shutil

import pytest

from mmseg_mammo.cli import prepared as module
from mmseg_mammo.cli.main import main


@pytest.fixture
def folder(prepared, tmp_path):
    return shutil.copytree(prepared, tmp_path / 'data')


def finish(folder, no_browse=True):
    module.finish_prepared(argparse.Namespace(out=folder, no_browse=no_browse))


def test_the_card_lies_beside_the_index(folder, capsys):
    finish(folder)
    assert capsys.readouterr().out == f'{folder / "card.md"}: the data card\n'
    text = (folder / 'card.md').read_text()
    assert '# Data card: data' in text
    main(['card', str(folder)])
    assert (folder / 'card.md').read_text() == text


def test_the_next_preparation_writes_it_anew_but_not_over_a_word_of_somebody(folder, capsys):
    finish(folder)
    card, index = folder / 'card.md', folder / 'index.csv'
    before = card.read_text()
    index.write_text('\n'.join(index.read_text().splitlines()[:-1]) + '\n')
    finish(folder)
    assert card.read_text() != before
    card.write_text('Mine')
    capsys.readouterr()
    finish(folder)
    assert card.read_text() == 'Mine'
    assert 'No data card: ' in capsys.readouterr().err


def test_sheets_are_left_out_on_request_alone(folder, monkeypatch):
    looked = []
    monkeypatch.setattr(module, 'browse_prepared', looked.append)
    finish(folder)
    assert not looked
    finish(folder, no_browse=False)
    assert looked == [folder]


def test_of_a_preparation_without_an_image_there_is_none(tmp_path):
    finish(tmp_path, no_browse=False)
    assert not [*tmp_path.iterdir()]

"""``card``: one file beside what it is about."""

import json

import pytest
from records import save
from runs import make_runs

from mmseg_mammo.cli.card import write_beside
from mmseg_mammo.cli.main import main
from mmseg_mammo.errors import MammoError


def test_the_card_of_a_model_lies_beside_it_and_has_its_tests(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_runs(tmp_path / 'work_dirs', models=('unet',), images=12)
    path = save(tmp_path / 'work_dirs' / 'unet_cbis' / 'epoch_3.pth')
    main(['card', str(path)])
    assert capsys.readouterr().out.splitlines()[-1] == str(path.with_name('card.md'))
    text = path.with_name('card.md').read_text()
    assert '# Model card: unet_cbis' in text
    assert '**Results on zgt**' in text
    other = tmp_path / 'elsewhere.md'
    main(['card', str(path), 'work_dirs', '--out', str(other)])
    assert other.read_text() == text


def test_without_a_test_it_says_so(tmp_path):
    path = save(tmp_path / 'a.pth')
    (tmp_path / 'facts.json').write_text(json.dumps({'Model developer': 'Our hospital'}))
    main(['card', str(path), '--facts', str(tmp_path / 'facts.json')])
    text = (tmp_path / 'card.md').read_text()
    assert 'No test of this checkpoint was given' in text
    assert '### Model developer\n\nOur hospital\n' in text


def test_the_card_of_data_lies_beside_the_index(prepared, tmp_path):
    for subject in (prepared, prepared / 'index.csv'):
        main(['card', str(subject), '--out', str(tmp_path / 'card.md')])
        assert f'# Data card: {prepared.name}' in (tmp_path / 'card.md').read_text()


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['{data}', 'runs'], 'no RUN there'),
        (['{data}/index.csv', '--facts', '{data}/index.csv'], 'not JSON'),
        (
            ['{model}', '{runs}'],
            'no finished test of .*a.pth in or below .*work_dirs. Run mammoseg test',
        ),
        (['{none}'], 'no record'),
    ],
)
def test_what_makes_no_card_ends_in_one_line(words, message, prepared, tmp_path):
    places = {
        'data': prepared,
        'model': save(tmp_path / 'a.pth'),
        'none': save(tmp_path / 'b.pth', None),
        'runs': make_runs(tmp_path / 'work_dirs', models=('unet',), images=12),
    }
    with pytest.raises(SystemExit, match=message):
        main(['card', *(word.format(**places) for word in words)])
    assert not (tmp_path / 'card.md').exists()


def test_what_was_told_once_stays_until_something_else_is_told(tmp_path):
    path = save(tmp_path / 'a.pth')
    facts = tmp_path / 'facts.json'
    facts.write_text(json.dumps({'Model developer': 'Our hospital'}))
    main(['card', str(path), '--facts', str(facts)])
    main(['card', str(path)])
    assert write_beside(path) == tmp_path / 'card.md'
    assert '### Model developer\n\nOur hospital\n' in (tmp_path / 'card.md').read_text()
    facts.write_text('{}')
    main(['card', str(path), '--facts', str(facts)])
    assert 'Our hospital' not in (tmp_path / 'card.md').read_text()


def test_a_card_that_nobody_asked_for_is_as_one_that_somebody_did(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_runs(tmp_path / 'work_dirs', models=('unet', 'setr'), images=12)
    path = save(tmp_path / 'work_dirs' / 'unet_cbis' / 'epoch_3.pth')
    card = write_beside(path)
    text = card.read_text()
    main(['card', str(path)])
    assert card.read_text() == text
    capsys.readouterr()
    card.write_text(text + 'mine')
    with pytest.raises(MammoError, match='changed by hand'):
        write_beside(path)
    assert capsys.readouterr().out == ''
    assert card.read_text() == text + 'mine'

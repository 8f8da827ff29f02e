"""``prepare``: one call of the preparation, and what a user must not overlook."""

import pytest

from mmseg_mammo.cli.main import main
from mmseg_mammo.preparation.hospital import prepare as hospital


@pytest.fixture
def settings(monkeypatch):
    """The settings that the preparation is called with; it then stops."""
    seen = []

    def call(entries, problems, out, settings):
        seen.append((len(entries), out, settings))
        raise OSError('full')

    monkeypatch.setattr(hospital, 'prepare', call)
    return seen


@pytest.fixture
def table(tmp_path):
    path = tmp_path / 'export' / 'table.csv'
    path.parent.mkdir()
    (path.parent / '1.png').touch()
    path.write_text('image,patient_id,annotated\n1.png,P1,normal\n')
    return path


def test_the_command_line_becomes_settings(table, tmp_path, settings):
    words = ['--table', str(table), '--long-side', '99', '--no-voi', '--lesion-values', '1,3']
    words += ['--mask-kind', 'weak', '--val-fraction', '0.5', '--seed', '7', '--skip-bad']
    with pytest.raises(SystemExit) as stopped:
        main(['prepare', str(tmp_path / 'out'), *words, '--jobs', '3'])
    assert stopped.value.code == 'mammoseg prepare: full'
    ((count, out, found),) = settings
    assert (count, out) == (1, tmp_path / 'out')
    assert (found.source, found.mask_kind, found.origin) == ('out', 'weak', table)
    assert (found.pixels.long_side, found.pixels.voi, found.pixels.lesion_values) == (
        99,
        False,
        (1, 3),
    )
    assert found.fractions == {'test': 0.0, 'val': 0.5}
    assert (found.seed, found.skip_bad, found.workers) == (7, True, 3)


@pytest.mark.parametrize('where', ['export', '.'])
def test_phantoms_are_marked_whatever_the_command_line_says(where, table, tmp_path, settings):
    (tmp_path / where / 'PHANTOM.txt').touch()
    with pytest.raises(SystemExit):
        main(['prepare', 'o', '--table', str(table), '--mask-kind', 'weak', '--source', 'ours'])
    ((_, _, found),) = settings
    assert (found.source, found.mask_kind) == ('phantom-ours', 'phantom')


@pytest.mark.parametrize(
    'words', [[], ['--table', 't.csv', '--images', 'i'], ['--images', 'i'], ['--masks', 'm']]
)
def test_a_table_or_both_folders_are_needed(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(['prepare', 'out', *words])
    assert stopped.value.code == 2
    assert 'give either --table, or --images and --masks' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['--column', 'image'], '--column image. Allowed: NAME=VALUE'),
        (['--lesion-values', '1;2'], '--lesion-values 1;2. Allowed: whole numbers'),
    ],
)
def test_words_that_cannot_be_are_named(words, said, table):
    with pytest.raises(SystemExit, match=f'^mammoseg prepare: {said}'):
        main(['prepare', 'out', '--table', str(table), *words])

"""Options of ``prepare`` that do not go together, and words that are none."""

import pytest

from mmseg_mammo.cli.main import main
from mmseg_mammo.cli.prepare_options import read_numbers, read_pairs
from mmseg_mammo.errors import MammoError

TABLE, ALONE = ['--table', 't.csv'], ['--images', 'i', '--not-annotated']


def refused(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(['prepare', 'out', *words])
    assert stopped.value.code == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    'words',
    [
        [],
        ['--table', 't.csv', '--images', 'i'],
        ['--images', 'i'],
        ['--masks', 'm'],
        ['--images', 'i', '--masks', 'm', '--not-annotated'],
        ['--table', 't.csv', '--not-annotated'],
        ['--images', 'i', '--masks', 'm', '--coco', 'c.json'],
    ],
)
def test_a_table_or_both_folders_are_needed(words, capsys):
    assert 'give either --table, or --images and --masks, or --images and --not-annotated' in (
        refused(words, capsys)
    )


@pytest.mark.parametrize(
    ('given', 'words', 'needed'),
    [
        (ALONE, ['--sheet', 'a'], 'table'),
        (ALONE, ['--root', 'a'], 'table'),
        (ALONE, ['--column', 'image=bestand'], 'table'),
        (ALONE, ['--value', 'view', 'a=CC'], 'table'),
        (ALONE, ['--overwrite-column', 'view'], 'table'),
        (TABLE, ['--image-suffix', '_FULL'], 'images'),
        (TABLE, ['--mask-suffix', '_MASK'], 'masks'),
        (ALONE, ['--mask-suffix', '_MASK'], 'masks'),
        (TABLE, ['--lesion-categories', 'mass'], 'coco'),
    ],
)
def test_an_option_that_nothing_would_read_is_refused(given, words, needed, capsys):
    said = refused([*given, *words], capsys)
    assert f'{words[0]} is of no use without --{needed}' in said


def test_images_alone_need_no_meaning_of_an_empty_mask(capsys):
    said = refused([*ALONE, '--empty-mask-means', 'normal'], capsys)
    assert '--not-annotated says what --empty-mask-means would' in said


def test_pairs_name_each_column_once():
    assert read_pairs('--set', ['view=CC', 'finding=', 'view=CC']) == {'view': 'CC', 'finding': ''}
    with pytest.raises(MammoError, match=r'^--column image\. Allowed: NAME=VALUE'):
        read_pairs('--column', ['image'])
    with pytest.raises(MammoError, match=r'^--set view=CC, and view=MLO\. Allowed: one value'):
        read_pairs('--set', ['view=MLO', 'view=CC'])


def test_numbers_are_whole_numbers():
    assert read_numbers('1,3') == (1, 3)
    with pytest.raises(MammoError, match=r'^--lesion-values 1;2\. Allowed: whole numbers'):
        read_numbers('1;2')

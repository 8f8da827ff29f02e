"""``prepare``: one call of the preparation, and what a user must not overlook."""

import json

import numpy as np
import openpyxl
import pytest

from mmseg_mammo.cli.main import main
from mmseg_mammo.io.image import write_png
from mmseg_mammo.io.index import read_index
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


def test_the_gpu_decodes_where_it_is_asked_for(table, tmp_path, settings):
    for words, wanted in (([], False), (['--nvimagecodec'], True)):
        with pytest.raises(SystemExit):
            main(['prepare', str(tmp_path / 'out'), '--table', str(table), *words])
        assert settings.pop()[2].pixels.nvimagecodec is wanted


@pytest.mark.parametrize('where', ['export', '.'])
def test_phantoms_are_marked_whatever_the_command_line_says(where, table, tmp_path, settings):
    (tmp_path / where / 'PHANTOM.txt').touch()
    with pytest.raises(SystemExit):
        main(['prepare', 'o', '--table', str(table), '--mask-kind', 'weak', '--source', 'ours'])
    ((_, _, found),) = settings
    assert (found.source, found.mask_kind) == ('phantom-ours', 'phantom')


def test_a_dutch_workbook_is_prepared_in_one_command(tmp_path, capsys):
    rng = np.random.default_rng(0)
    mask = np.zeros((60, 40), np.uint8)
    mask[10:20, 10:20] = 255
    for name in ('L1', 'R1', 'L2', 'L3'):
        write_png(tmp_path / f'export/beelden/{name}.png', rng.integers(0, 255, (60, 40), np.uint8))
    write_png(tmp_path / 'export/maskers/L1.png', mask)
    write_png(tmp_path / 'export/maskers/L2.png', mask)
    book = openpyxl.Workbook()
    book.active.title = 'Legenda'
    book.active.append(['? = niet beoordeeld'])
    sheet = book.create_sheet('Lijst')
    for row in (
        ['bestand', 'masker', 'patiëntnummer', 'zijde', 'afwijking', 'bevinding', 'soort'],
        ['beelden\\L1.png', 'maskers\\L1.png', 7, 'links', 'Ja', 'massa+kalk', 'contour'],
        ['beelden\\R1.png', 'geen', 7, 'rechts', 'nee', 'geen afwijking', None],
        ['beelden\\L2.png', 'maskers\\L2.png', 70, 'links', 'JA', 'massa', 'cirkel'],
        ['beelden\\L3.png', None, 700, 'links', '?', None, None],
    ):
        sheet.append(row)
    for cell in sheet['C'][1:]:
        cell.number_format = '0000'
    book.save(tmp_path / 'export/lijst.xlsx')
    words = f"""--table {tmp_path}/export/lijst.xlsx --sheet Lijst --set view=MLO --jobs 1
        --column image=bestand mask=masker patient_id=patiëntnummer laterality=zijde
        --column annotated=afwijking finding=bevinding mask_kind=soort
        --value annotated ja=lesion nee=normal ?=no --value mask geen=
        --value laterality links=LEFT rechts=RIGHT beide= --value mask_kind cirkel=weak
        --value finding massa=mass kalk=calcification"""
    clear = ['--value', 'finding', 'geen afwijking=']
    main(['prepare', str(tmp_path / 'out'), *words.split(), *clear])
    rows = read_index(tmp_path / 'out/index.csv')
    told = [(r.patient_id, r.laterality, r.annotated, r.finding, r.mask_kind) for r in rows]
    assert told == [
        ('0007', 'LEFT', 'lesion', 'mass+calcification', 'contour'),
        ('0007', 'RIGHT', 'normal', '', 'contour'),
        ('0070', 'LEFT', 'lesion', 'mass', 'weak'),
        ('0700', 'LEFT', 'no', '', 'contour'),
    ]
    assert {row.view for row in rows} == {'MLO'}
    out = capsys.readouterr().out
    assert 'The masks are 1 contour and 1 weak: say so' in out
    assert "WARNING: --value laterality: no row says 'beide'" in out
    assert out.count('no row says') == 1


def test_images_alone_are_prepared_as_not_annotated(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for name in ('P1_L', 'P2_L'):
        write_png(tmp_path / f'images/{name}.png', rng.integers(0, 255, (60, 40), np.uint8))
    words = ['--images', str(tmp_path / 'images'), '--not-annotated', '--jobs', '1']
    main(['prepare', str(tmp_path / 'out'), *words, '--patient-pattern', '(P.)_'])
    rows = read_index(tmp_path / 'out/index.csv')
    told = [(row.patient_id, row.annotated, row.mask, row.split) for row in rows]
    assert told == [('P1', 'no', '', 'test'), ('P2', 'no', '', 'test')]
    assert 'contours' not in capsys.readouterr().out


def test_a_coco_file_stands_beside_a_table_or_in_the_place_of_masks(table, tmp_path, settings):
    path = tmp_path / 'c.json'
    data = {
        'images': [{'id': 1, 'file_name': '2.png'}],
        'annotations': [{'image_id': 1, 'category_id': n, 'bbox': [1, 1, 2, 2]} for n in (1, 2)],
        'categories': [{'id': 1, 'name': 'mass'}, {'id': 2, 'name': 'nipple'}],
    }
    path.write_text(json.dumps(data))
    (table.parent / '2.png').touch()
    table.write_text('image,patient_id,annotated\n1.png,P1,normal\n2.png,P1,\n')
    words = ['--coco', str(path), '--set', 'patient_id=P1', '--empty-mask-means', 'not-annotated']
    for given in (['--table', str(table)], ['--images', str(table.parent)]):
        with pytest.raises(SystemExit, match='--lesion-categories mass'):
            main(['prepare', 'out', *given, *words])
        with pytest.raises(SystemExit, match='full'):
            main(['prepare', 'out', *given, *words, '--lesion-categories', 'mass'])
    assert [count for count, *_ in settings] == [2, 2]

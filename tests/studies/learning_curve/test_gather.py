import csv

from learning_curves import COUNTS, TUNINGS, make_curve

from mmseg_mammo.engine.steps.journal import Journal
from mmseg_mammo.io.tables.learning_curve import read_curve
from mmseg_mammo.studies.learning_curve.gather import gather, gather_tables, lines_of


def as_cells(folder, out):
    """Write the lines of a made-up table as the cells of a study keep them."""
    tables = make_curve(folder)
    for cell in tables.cells:
        key = ('config', 'count', 'seed', 'fold')
        tested = [
            {n: line[n] for n in ('patient', 'lesion_images', 'lesion_dice')}
            for line in tables.patients
            if all(line[n] == cell[n] for n in key)
        ]
        home = out / cell['folder']
        home.mkdir(parents=True)
        journal = Journal(home, 'cell.json')
        journal.begin(True)
        journal.finish('tested', {**cell, 'tested': tested})
    return tables


def test_cells_become_tables_a_picture_and_sentences(tmp_path):
    made = as_cells(tmp_path / 'made', tmp_path / 'study')
    unfinished = Journal(tmp_path / 'study', 'cell.json')
    unfinished.begin(True)
    curves, found = gather(tmp_path / 'study', 20)
    again = read_curve(tmp_path / 'study')
    assert sorted(map(str, again.cells)) == sorted(map(str, made.cells))
    assert sorted(map(str, again.patients)) == sorted(map(str, made.patients))
    assert again.cells[0]['config'] == 'start'
    assert (tmp_path / 'study/learning_curve.png').read_bytes()[:4] == b'\x89PNG'
    told = [*csv.DictReader((tmp_path / 'study/learning_curve_forecast.csv').open())]
    assert [(line['config'], line['said']) for line in told] == [
        (config, each.sentence()) for config, each in found.items()
    ]
    lines = [*lines_of(curves, found)]
    assert lines[0].startswith('start: lesion Dice ')
    assert len(lines) == 1 + len(TUNINGS) * (len(COUNTS) + 2)
    assert any(line.startswith('   all: lesion Dice ') for line in lines)


def test_a_study_without_a_finished_cell_has_nothing(tmp_path):
    assert gather_tables(tmp_path) is None
    assert gather(tmp_path, 20) is None

import copy
import csv

from mmseg_mammo.studies.learning_curve.training import name_apart, run_test


def test_seeds_and_loggers_are_of_the_cell(few, tmp_path):
    cfg = copy.deepcopy(few)
    name_apart(cfg, tmp_path / 'a', 7)
    assert cfg.randomness.seed == 7
    assert cfg.randomness.deterministic is False
    assert cfg.work_dir == str(tmp_path / 'a')
    assert cfg.visualizer.name == str(tmp_path / 'a')


def test_a_test_reads_the_split_test_of_the_folder_with_the_steps_of_the_checkpoint(
    start, hospital, tmp_path
):
    run = run_test(start, hospital, None, tmp_path / 'w')
    rows = [*csv.DictReader((run / 'per_image_test.csv').open())]
    assert [row['image'] for row in rows] == [f'images/{n}.png' for n in range(10, 16)]
    assert run.parent == tmp_path / 'w'

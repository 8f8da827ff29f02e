"""Tables and picture of rounds: means and differences by hand, intervals over seeds and patients."""

import csv

import cv2
import numpy as np
import pytest

from mmseg_mammo.io.files import write_json
from mmseg_mammo.studies.annotation.rounds import (
    CELLS,
    PER_IMAGE,
    PICTURE,
    SUMMARY,
    summarise_rounds,
    write_rounds,
)
from mmseg_mammo.studies.annotation.simulate import SCORES, START, cell_of


def cell(method, seed, number, values, images=10):
    scores = [
        {'image': f'{n}.png', 'patient_id': f'P{n // 2}', 'annotated': 'lesion', 'dice': value}
        for n, value in enumerate(values)
    ]
    scores.append({'image': 'n.png', 'patient_id': 'N', 'annotated': 'normal', 'dice': 1.0})
    facts = {'method': method, 'seed': seed, 'round': number, 'images': images * number}
    return {**facts, 'patients': 5 * number, 'lesions': 7 * number, 'scores': scores}


def of(lines, method, number):
    return next(line for line in lines if (line['method'], line['round']) == (method, number))


def test_means_are_of_lesion_images_and_differences_are_paired_by_seed():
    rng = np.random.default_rng(0)
    base = [rng.uniform(0.2, 0.4, 20) for _ in range(3)]
    cells = [cell('random', seed, 1, values) for seed, values in enumerate(base)]
    cells += [cell('entropy', seed, 1, values + 0.05) for seed, values in enumerate(base[:2])]
    lines = summarise_rounds(cells)
    random, entropy = of(lines, 'random', 1), of(lines, 'entropy', 1)
    assert random['lesion_dice'] == pytest.approx(100 * np.mean(base))
    assert random['low'] < random['lesion_dice'] < random['high']
    assert 'against_random' not in random
    assert entropy['seeds'] == 2
    assert entropy['against_random'] == pytest.approx(5)
    assert np.isnan(entropy['against_random_low'])  # all draws are equal: no width to believe


def test_an_interval_is_wider_where_seeds_differ():
    rng = np.random.default_rng(1)
    values = rng.uniform(0.2, 0.6, 40)
    alike = summarise_rounds([cell('random', seed, 1, values) for seed in range(3)])[0]
    apart = summarise_rounds(
        [cell('random', seed, 1, values + shift) for seed, shift in enumerate((-0.2, 0, 0.2))]
    )[0]
    assert apart['lesion_dice'] == pytest.approx(alike['lesion_dice'])
    assert apart['high'] - apart['low'] > 1.5 * (alike['high'] - alike['low'])


def test_what_is_done_is_written_whichever_process_did_it(tmp_path):
    rng = np.random.default_rng(2)
    write_json(tmp_path / START / SCORES, cell(START, 0, 0, rng.uniform(0.1, 0.3, 12)))
    write_rounds(tmp_path)
    assert not (tmp_path / PICTURE).exists()
    for method in ('random', 'entropy'):
        for seed in (0, 1):
            for number in (1, 2):
                found = cell(method, seed, number, rng.uniform(0.2, 0.5, 12))
                write_json(cell_of(tmp_path, method, seed, number) / SCORES, found)
    (cell_of(tmp_path, 'clusters', 0, 1)).mkdir(parents=True)  # has only begun
    lines = write_rounds(tmp_path)
    assert len(lines) == 5

    def rows(name):
        with (tmp_path / name).open(newline='') as stream:
            return list(csv.DictReader(stream))

    assert len(rows(CELLS)) == 9
    assert rows(CELLS)[0]['method'] == START
    assert len(rows(PER_IMAGE)) == 9 * 13
    assert {row['against_random'] == '' for row in rows(SUMMARY) if row['method'] == 'random'} == {
        True
    }
    assert all(row['against_random'] for row in rows(SUMMARY) if row['method'] == 'entropy')
    assert cv2.imread(str(tmp_path / PICTURE)).shape[0] > 300


def test_the_part_of_seeds_is_widened_since_few_are_drawn_from():
    """All patients alike: the interval is of seeds alone, of which a draw of two has half the variance."""
    cells = [cell('random', seed, 1, [value] * 20) for seed, value in enumerate((0.3, 0.5))]
    line = of(summarise_rounds(cells), 'random', 1)
    assert line['high'] - line['low'] == pytest.approx(20 * np.sqrt(2), abs=0.1)

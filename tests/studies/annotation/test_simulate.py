"""Rounds of a simulation: what is chosen, learned, kept, and gone on with."""

import multiprocessing
from dataclasses import replace
from pathlib import Path

import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.files import read_json
from mmseg_mammo.io.index import read_index
from mmseg_mammo.studies.annotation.choose import Settings
from mmseg_mammo.studies.annotation.seen import Seen
from mmseg_mammo.studies.annotation.simulate import (
    SCORES,
    START,
    Tools,
    archive_of,
    cell_of,
    simulate,
)

COUNT = Settings(count=2, per_patient=2)


class Bench:
    """Tools that write down what they were asked for; the score is the number of training images."""

    def __init__(self, folder):
        self.fits, self.looks = [], []
        start = folder / 'start.pth'
        start.write_bytes(b'start')
        self.tools = Tools(start, self.fit, self.test, self.look)
        self.stop_at = None

    def fit(self, part, work_dir, seed):
        if len(self.fits) == self.stop_at:
            raise KeyboardInterrupt
        images = [row.image for row in read_index(part) if row.split == 'train']
        self.fits.append((seed, images))
        work_dir.mkdir(parents=True)
        (work_dir / 'best.pth').write_bytes(b'weights')
        return work_dir / 'best.pth'

    def test(self, checkpoint, part, work_dir):
        assert checkpoint.is_file()
        rows = read_index(part)
        known = sum(row.split == 'train' for row in rows)
        return [
            {'image': r.image, 'patient_id': r.patient_id, 'annotated': r.annotated, 'dice': known}
            for r in rows
            if r.split == 'test'
        ]

    def look(self, checkpoint, images, out):
        assert checkpoint.is_file()
        self.looks.append((Path(checkpoint).name, sorted(images)))
        return [
            Seen(name, True, 0.1 * n, features=(float(n), 1.0)) for n, name in enumerate(images)
        ]


@pytest.fixture
def archive(prepared):
    return archive_of(prepared, read_index(prepared / 'index.csv'))


@pytest.mark.parametrize('method', ['random', 'entropy', 'clusters'])
def test_every_round_learns_from_all_images_so_far(method, archive, tmp_path):
    bench, out = Bench(tmp_path), tmp_path / 'out'
    simulate(archive, method, 4, 3, COUNT, bench.tools, out)
    (_, first), (_, second), (seed, third) = bench.fits
    assert seed == 4
    assert (len(first), len(second), len(third)) == (2, 4, 6)
    assert set(first) < set(second) < set(third)
    assert 'images/6.png' not in third  # of the test split
    # The start chooses first, then what the last round has trained.
    assert [name for name, _ in bench.looks] == ['start.pth', 'best.pth', 'best.pth']
    asked = [len(images) for _, images in bench.looks]
    assert asked == ([6, 6, 6] if method == 'clusters' else [6, 4, 2])
    found = read_json(cell_of(out, method, 4, 2) / SCORES)
    assert (found['images'], found['round'], found['scores'][0]['dice']) == (4, 2, 4)
    assert read_json(out / START / SCORES)['images'] == 0
    # Weights that have chosen the next round are not kept.
    assert len(list(out.rglob('best.pth'))) == 1


def test_a_stopped_simulation_goes_on_and_more_rounds_can_be_added(archive, tmp_path):
    whole, bench, out = Bench(tmp_path), Bench(tmp_path), tmp_path / 'out'
    simulate(archive, 'entropy', 0, 3, COUNT, whole.tools, tmp_path / 'whole')
    bench.stop_at = 1
    with pytest.raises(KeyboardInterrupt):
        simulate(archive, 'entropy', 0, 2, COUNT, bench.tools, out)
    bench.stop_at = None
    simulate(archive, 'entropy', 0, 2, COUNT, bench.tools, out)
    simulate(archive, 'entropy', 0, 3, COUNT, bench.tools, out)
    assert bench.fits == whole.fits
    simulate(archive, 'entropy', 0, 3, COUNT, bench.tools, out)
    assert len(bench.fits) == 3


def test_two_processes_at_once_do_each_method_and_seed_once(archive, tmp_path):
    first, second, out = Bench(tmp_path), Bench(tmp_path), tmp_path / 'out'
    fork = multiprocessing.get_context('fork')
    answers = fork.SimpleQueue()

    def come():
        for method in ('random', 'entropy'):
            held = simulate(archive, method, 0, 2, COUNT, second.tools, out)
            answers.put((held, len(second.fits)))

    def fit(part, work_dir, seed):
        """While the first process trains, another one comes by the same command."""
        if not first.fits:
            other = fork.Process(target=come)
            other.start()
            other.join(60)
            assert [answers.get(), answers.get()] == [(False, 0), (True, 2)]
        return first.fit(part, work_dir, seed)

    tools = replace(first.tools, fit=fit)
    assert simulate(archive, 'random', 0, 2, COUNT, tools, out)
    assert simulate(archive, 'entropy', 0, 2, COUNT, tools, out)
    assert len(first.fits) == 2  # of random alone
    assert len([*out.rglob(SCORES)]) == 5


def test_more_images_than_there_are_are_refused(archive, tmp_path):
    with pytest.raises(MammoError, match='round 4 is to take 2 of 0 images'):
        simulate(archive, 'random', 0, 4, COUNT, Bench(tmp_path).tools, tmp_path / 'out')


def test_an_archive_needs_lesions_on_both_sides(prepared):
    rows = read_index(prepared / 'index.csv')
    with pytest.raises(MammoError, match='no outlined lesion in the split test'):
        archive_of(prepared, [row for row in rows if row.split != 'test'])
    with pytest.raises(MammoError, match='in the split train or val'):
        archive_of(prepared, [row for row in rows if row.split == 'test'])

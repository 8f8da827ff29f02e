"""Shards make every image once, and a merge misses none."""

import os

import pytest
from copy_jobs import Copier, CopyJob

from mmseg_mammo.errors import MammoError
from mmseg_mammo.preparation.jobs import make_all
from mmseg_mammo.preparation.journal import hold_folder, open_shard_journal, shard_path
from mmseg_mammo.preparation.shards import Shard, ShardCounts, check_shards, make_shard


@pytest.fixture
def jobs(tmp_path):
    for name in 'abcde':
        (tmp_path / f'{name}.txt').write_text(f'text {name}')
    (tmp_path / 'out').mkdir()
    return [CopyJob(name, tmp_path / f'{name}.txt') for name in 'abcde']


@pytest.fixture
def run(tmp_path):
    """Make a shard, given as on the command line; its counts, and what was really made."""
    out = tmp_path / 'out'

    def run(jobs, shard):
        (out / 'calls').write_text('')
        counts = make_shard(jobs, Copier(out), out, Shard.parse(shard))
        return counts, sorted((out / 'calls').read_text())

    return run


def merge(jobs, out):
    def never(job):
        raise AssertionError(job)

    return make_all(jobs, never, out, failed=check_shards(jobs, out))


def test_a_shard_is_written_as_it_is_read():
    assert Shard.parse('3/8') == Shard(3, 8)
    assert str(Shard(3, 8)) == '3/8'


@pytest.mark.parametrize(
    ('text', 'allowed'),
    [('8/8', '0/8 to 7/8'), ('/8', '0/8 to 7/8'), ('-1/4', '0/4 to 3/4'), ('3', '0/8 to 7/8')],
)
def test_a_shard_that_there_is_not(text, allowed):
    with pytest.raises(MammoError, match=f'--shard {text}. Allowed: {allowed}'):
        Shard.parse(text)


def test_every_image_is_in_one_shard_and_the_merge_has_the_records_of_a_whole_run(
    jobs, run, tmp_path
):
    assert run(jobs, '0/2') == (ShardCounts(3, 0), ['a', 'c', 'e'])
    assert run(jobs, '1/2') == (ShardCounts(2, 0), ['b', 'd'])
    records = merge(jobs, tmp_path / 'out')
    journal = (tmp_path / 'out/progress.jsonl').read_bytes()
    (tmp_path / 'whole').mkdir()
    assert make_all(jobs, Copier(tmp_path / 'whole'), tmp_path / 'whole') == records
    assert (tmp_path / 'whole/progress.jsonl').read_bytes() == journal
    assert merge(jobs, tmp_path / 'out') == records  # again
    assert run(jobs, '0/2') == (ShardCounts(3, 0), [])


def test_a_killed_shard_goes_on_and_a_changed_input_is_made_again(jobs, run, tmp_path):
    class Interrupted(Copier):
        def __call__(self, job):
            if job.name == 'c':
                raise KeyboardInterrupt
            return super().__call__(job)

    out = tmp_path / 'out'
    with pytest.raises(KeyboardInterrupt):
        make_shard(jobs, Interrupted(out), out, Shard(0, 2))
    assert run(jobs, '0/2') == (ShardCounts(3, 0), ['c', 'e'])
    os.utime(jobs[0].source, (1, 1))
    assert run(jobs, '0/2') == (ShardCounts(3, 0), ['a'])


def test_another_number_of_shards_keeps_what_is_made(jobs, run):
    run(jobs, '0/2')
    assert run(jobs, '0/1') == (ShardCounts(5, 0), ['b', 'd'])


def test_a_merge_names_the_shards_that_are_not_done(jobs, run, tmp_path):
    out = tmp_path / 'out'
    with pytest.raises(MammoError, match='no shard was made there'):
        check_shards(jobs, out)
    run(jobs, '1/3')
    (out / 'b').unlink()
    with pytest.raises(MammoError) as caught:
        check_shards(jobs, out)
    assert str(caught.value) == (
        f'{out}: images are missing, of shard 0/3 (2 of 2 images, never begun), 1/3 (1 of 2 '
        'images), 2/3 (1 of 1 images, never begun). Allowed: a merge once all shards have ended. '
        'Run these shards again, with SLURM by sbatch --array=0,1,2.'
    )


def test_what_failed_is_told_by_the_merge_and_tried_again_by_its_shard(jobs, run, tmp_path):
    out = tmp_path / 'out'
    jobs[0].source.write_text('bad')
    assert run(jobs, '0/1') == (ShardCounts(5, 1), ['a', 'b', 'c', 'd', 'e'])
    records = merge(jobs, out)
    assert [name for name, r in zip('abcde', records, strict=True) if 'error' in r] == ['a']
    assert merge(jobs, out) == records
    jobs[0].source.write_text('good')
    with pytest.raises(MammoError, match=r'0/1 \(1 of 5 images\)'):
        check_shards(jobs, out)
    assert run(jobs, '0/1') == (ShardCounts(5, 0), ['a'])
    assert not any('error' in record for record in merge(jobs, out))


def test_one_process_for_a_shard_and_none_beside_a_whole_run(jobs, run, tmp_path):
    out = tmp_path / 'out'
    with open_shard_journal(shard_path(out, 0, 2)):
        with pytest.raises(MammoError, match='making shard 0/2'):
            run(jobs, '0/2')
        run(jobs, '1/2')
    with hold_folder(out), pytest.raises(MammoError, match='preparing this folder'):
        run(jobs, '0/2')
    with hold_folder(out, shared=True), pytest.raises(MammoError, match='preparing this folder'):
        make_all(jobs, Copier(out), out)


def test_a_whole_run_after_shards_makes_the_rest_only(jobs, run, tmp_path):
    out = tmp_path / 'out'
    run(jobs, '0/2')
    (out / 'calls').write_text('')
    assert len(make_all(jobs, Copier(out), out)) == 5
    assert sorted((out / 'calls').read_text()) == ['b', 'd']

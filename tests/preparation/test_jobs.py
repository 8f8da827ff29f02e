import errno
import os

import pytest
from copy_jobs import Copier, CopyJob, interrupt_worker

from mmseg_mammo.errors import MammoError
from mmseg_mammo.preparation.jobs import make_all
from mmseg_mammo.preparation.journal import PROGRESS_NAME, hold_folder


@pytest.fixture
def jobs(tmp_path):
    for name in 'abc':
        (tmp_path / f'{name}.txt').write_text(f'text {name}')
    (tmp_path / 'out').mkdir()
    return [CopyJob(name, tmp_path / f'{name}.txt') for name in 'abc']


@pytest.fixture
def run(tmp_path):
    """Run jobs; return their records and the names of those that were really made."""
    out = tmp_path / 'out'

    def run(jobs, **options):
        (out / 'calls').write_text('')
        records = make_all(jobs, Copier(out), out, **options)
        return records, sorted((out / 'calls').read_text())

    return run


def test_a_second_run_makes_nothing_and_returns_the_same(jobs, run):
    first = run(jobs)
    assert first == ([{'image': name, 'length': 6} for name in 'abc'], ['a', 'b', 'c'])
    assert run(jobs) == (first[0], [])


@pytest.mark.slow  # processes that import everything
def test_processes_make_the_same_records_and_journal_as_one(jobs, run, tmp_path):
    records, _ = run(jobs)
    journal = (tmp_path / 'out' / PROGRESS_NAME).read_text()
    (tmp_path / 'out' / PROGRESS_NAME).unlink()
    assert run(jobs, workers=2) == (records, ['a', 'b', 'c'])
    assert (tmp_path / 'out' / PROGRESS_NAME).read_text() == journal


def test_a_changed_input_a_changed_job_and_a_lost_file_are_made_again(jobs, run, tmp_path):
    run(jobs)
    os.utime(jobs[0].source, (1, 1))
    assert run(jobs)[1] == ['a']
    jobs[1] = CopyJob('b', jobs[1].source, upper=True)
    assert run(jobs)[1] == ['b']
    assert (tmp_path / 'out/b').read_text() == 'TEXT B'
    (tmp_path / 'out/c').unlink()
    assert run(jobs)[1] == ['c']


def test_a_damaged_output_is_made_again(jobs, run, tmp_path):
    run(jobs)
    (tmp_path / 'out/b').write_text('text')
    assert run(jobs)[1] == ['b']
    assert (tmp_path / 'out/b').read_text() == 'text b'
    assert run(jobs)[1] == []


def test_a_run_with_other_jobs_forgets_nothing(jobs, run):
    run(jobs)
    run(jobs[:1])
    assert run(jobs)[1] == []


def test_a_source_that_was_away_for_one_run_is_not_read_again(jobs, run):
    run(jobs)
    text, stat = jobs[1].source.read_text(), jobs[1].source.stat()
    jobs[1].source.write_text('bad')
    assert 'error' in run(jobs)[0][1]
    jobs[1].source.write_text(text)
    os.utime(jobs[1].source, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert run(jobs)[1] == []


@pytest.mark.slow  # processes that import everything
def test_workers_leave_ctrl_c_to_their_parent(jobs, tmp_path):
    records = make_all(jobs, interrupt_worker, tmp_path / 'out', workers=2)
    assert records == [{'name': name} for name in 'abc']


def test_a_journal_cut_by_a_kill_loses_its_last_line_only(jobs, run, tmp_path):
    run(jobs)
    journal = tmp_path / 'out' / PROGRESS_NAME
    whole = journal.read_text()
    journal.write_text(whole[:-20])
    assert run(jobs)[1] == ['c']
    assert journal.read_text() == whole


def test_what_was_made_before_an_interruption_is_kept(jobs, run, tmp_path):
    class Interrupted(Copier):
        def __call__(self, job):
            if job.name == 'c':
                on_disk = (self.out / PROGRESS_NAME).read_text()
                raise KeyboardInterrupt(on_disk.count('\n'))
            return super().__call__(job)

    out = tmp_path / 'out'
    with pytest.raises(KeyboardInterrupt, match='2'):
        make_all(jobs, Interrupted(out), out)
    assert run(jobs)[1] == ['c']


def test_an_error_is_a_record_and_is_tried_again(jobs, run):
    jobs[1].source.write_text('bad')
    records, _ = run(jobs)
    assert [sorted(record) for record in records] == [
        ['image', 'length'],
        ['error'],
        ['image', 'length'],
    ]
    assert 'b.txt: bad' in records[1]['error']
    assert run(jobs)[1] == ['b']


def test_two_jobs_of_one_name_are_refused(jobs, run):
    with pytest.raises(MammoError, match=r'2 images would be written as a\.png'):
        run([*jobs, CopyJob('a', jobs[1].source)])


class Refused(Copier):
    """The system refuses the file of job ``b``."""

    code = errno.ENAMETOOLONG

    def __call__(self, job):
        if job.name == 'b':
            raise OSError(self.code, os.strerror(self.code), 'partial', None, 'b.png')
        return super().__call__(job)


def test_an_error_of_the_system_belongs_to_its_job_and_names_input_and_output(jobs, run, tmp_path):
    records = make_all(jobs, Refused(tmp_path / 'out'), tmp_path / 'out')
    assert [sorted(record) for record in records][::2] == [['image', 'length']] * 2
    text = f'{jobs[1].source}: File name too long (b.png), when b.png was made.'
    assert records[1] == {'error': text}
    assert run(jobs)[1] == ['b']


@pytest.mark.parametrize('code', [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_a_full_disk_is_no_fault_of_a_job_and_stops(jobs, run, tmp_path, code):
    make = Refused(tmp_path / 'out')
    object.__setattr__(make, 'code', code)
    with pytest.raises(MammoError, match=r'b\.txt: .*the same command goes on'):
        make_all(jobs, make, tmp_path / 'out')
    assert run(jobs)[1] == ['b', 'c']


def test_a_log_is_not_filled_with_bars(jobs, run, capsys):
    run(jobs)
    run(jobs)
    told = [line.split(', ') for line in capsys.readouterr().err.splitlines()]
    assert [line[0] for line in told] == [f'preparing: {n} of 3 images' for n in (1, 2, 3)]
    assert [len(line) for line in told] == [2, 2, 1]
    assert told[0][1].startswith('about 0:00:') and told[0][1].endswith(' left')


def test_half_files_of_a_killed_run_are_removed(jobs, run, tmp_path):
    (tmp_path / 'out/images').mkdir()
    (tmp_path / 'out/images/.partial-1').touch()
    run(jobs)
    assert not (tmp_path / 'out/images/.partial-1').exists()


def test_two_runs_in_one_folder_do_not_meet(jobs, run, tmp_path):
    with hold_folder(tmp_path / 'out'), pytest.raises(MammoError, match='another process is prep'):
        run(jobs)
    assert run(jobs)[1] == ['a', 'b', 'c']

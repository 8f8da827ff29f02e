"""Work folders: nothing of another run is overwritten, and nobody waits for a training."""

import errno
import fcntl
import multiprocessing
import time

import pytest
import torch

from mmseg_mammo.engine.work_dir import (
    check_for_folds,
    claim_for_training,
    is_first_process,
    last_checkpoint,
    unique_start,
)
from mmseg_mammo.errors import CheckpointError, MammoError


def in_another_process(function, *arguments):
    with multiprocessing.get_context('fork').Pool(1) as pool:
        return pool.apply(function, arguments)


def refusal(folder):
    try:
        claim_for_training(folder, resume=True)
    except MammoError as error:
        return str(error)
    return ''


def test_a_finished_training_is_not_overwritten(tmp_path):
    (tmp_path / 'last_checkpoint').write_text('epoch_1.pth')
    with pytest.raises(MammoError, match='holds the checkpoints of another training'):
        claim_for_training(tmp_path, resume=False)
    with pytest.raises(CheckpointError, match=r'epoch_1\.pth: no such checkpoint'):
        claim_for_training(tmp_path, resume=True)
    torch.save({}, tmp_path / 'epoch_1.pth')
    assert in_another_process(claim_for_training, tmp_path, True)
    (tmp_path / 'last_checkpoint').write_text('/where/it/was/epoch_1.pth')
    assert last_checkpoint(tmp_path) == tmp_path / 'epoch_1.pth'


@pytest.mark.parametrize('name', ['few.json', 'auto.json', 'folds.json', 'two_stage.json'])
@pytest.mark.parametrize('resume', [True, False])
def test_a_plain_training_spares_what_several_steps_have_left(name, resume, tmp_path):
    (tmp_path / name).write_text('{}')
    with pytest.raises(MammoError, match=f'holds another training, {name}.* --work-dir'):
        claim_for_training(tmp_path, resume)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert not claim_for_training(tmp_path / 'fold_1', resume)


def test_a_tuning_by_folds_spares_what_it_finds(tmp_path):
    start, work = tmp_path / 'start.pth', tmp_path / 'work'
    check_for_folds(work, 'few.json', start)
    work.mkdir()
    with pytest.raises(MammoError, match='the tuned checkpoint would overwrite it'):
        check_for_folds(work, 'few.json', work / '..' / 'work' / 'best.pth')
    (work / 'best.pth').touch()
    with pytest.raises(
        MammoError, match=r'best\.pth would be overwritten\. Name another --work-dir'
    ):
        check_for_folds(work, 'few.json', start)
    (work / 'auto.json').touch()
    with pytest.raises(MammoError, match=r'another training, auto\.json'):
        check_for_folds(work, 'few.json', start)
    (work / 'last_checkpoint').touch()
    with pytest.raises(MammoError, match=r'begun without folds.*--folds 0 --resume'):
        check_for_folds(work, 'few.json', start)
    (work / 'few.json').touch()  # its own
    check_for_folds(work, 'few.json', start)


def test_resuming_nothing_starts_from_the_beginning_and_says_so(tmp_path, capsys):
    assert not claim_for_training(tmp_path / 'typo', resume=True)
    assert 'typo has no checkpoint to go on from' in capsys.readouterr().out


def test_two_processes_do_not_train_in_one_folder(tmp_path):
    claim_for_training(tmp_path, resume=True)
    assert 'another process is training there' in in_another_process(refusal, tmp_path)
    assert in_another_process(refusal, tmp_path / 'other') == ''


@pytest.mark.parametrize('name', ['RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK'])
def test_processes_of_one_training_do_not_refuse_each_other(name, tmp_path, monkeypatch):
    claim_for_training(tmp_path, resume=True)
    monkeypatch.setenv(name, '1')
    assert in_another_process(refusal, tmp_path) == ''


def test_a_process_that_is_forked_and_ends_leaves_the_lock_alone(tmp_path):
    """As workers of a loader do."""
    claim_for_training(tmp_path, resume=True)
    assert in_another_process(int) == 0
    assert 'another process is training there' in in_another_process(refusal, tmp_path)


def test_a_lock_ends_with_its_process(tmp_path):
    assert in_another_process(refusal, tmp_path) == ''
    assert in_another_process(refusal, tmp_path) == ''


@pytest.mark.parametrize('code', [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_lets_everybody_train(code, tmp_path, monkeypatch):
    def flock(*_):
        raise OSError(code, 'no locks here')

    monkeypatch.setattr(fcntl, 'flock', flock)
    for _ in range(2):
        assert not claim_for_training(tmp_path, resume=True)
    assert in_another_process(refusal, tmp_path) == ''
    monkeypatch.setattr(time, 'sleep', lambda seconds: None)
    with unique_start(tmp_path):
        assert in_another_process(start, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['.starting.lock', '.training.lock']


def test_a_folder_that_cannot_be_written_to_is_refused(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(MammoError, match=r'nothing can be written there.*--work-dir'):
        claim_for_training(tmp_path / 'file', resume=True)


@pytest.mark.slow
def test_runs_of_one_folder_start_in_different_seconds(tmp_path):
    seconds = []
    for _ in range(2):
        with unique_start(tmp_path):
            seconds.append(int(time.time()))
    assert seconds[0] < seconds[1]


@pytest.mark.slow
def test_a_test_starts_while_a_training_runs_in_the_folder(tmp_path):
    claim_for_training(tmp_path, resume=True)
    with multiprocessing.get_context('fork').Pool(1) as pool:
        assert pool.apply_async(start, [tmp_path]).get(timeout=10)


def start(folder):
    with unique_start(folder):
        return True


@pytest.mark.parametrize(('rank', 'first'), [(None, True), ('0', True), ('1', False)])
def test_the_first_process_is_known_before_they_join(rank, first, monkeypatch):
    for name in ('RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK'):
        monkeypatch.delenv(name, raising=False)
    if rank is not None:
        monkeypatch.setenv('SLURM_PROCID', rank)
    assert is_first_process() is first

"""``--shard`` and ``--merge``: shards of a preparation end as one run does, byte for byte."""

import os
import signal
import subprocess
import sys
import time

import pytest

from mmseg_mammo.cli.main import main
from mmseg_mammo.phantoms.trees import write_cbis_tree, write_hospital_tree


def files(out):
    """Every file of a prepared folder, but those that tell how it was made."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob('*'))
        if path.is_file() and path.relative_to(out).parts[0] not in ('.shards', '.lock')
    }


@pytest.fixture(scope='module')
def commands(tmp_path_factory):
    """Name -> the words before and after the output folder."""
    folder = tmp_path_factory.mktemp('raw')
    cbis = write_cbis_tree(folder / 'cbis', patients=6, height=96, seed=3, defects=['missing'])
    zgt = write_hospital_tree(folder / 'zgt', patients=6, height=96)
    (next(zgt.rglob('*.dcm'))).write_bytes(b'no DICOM')
    table = ['--table', zgt / 'annotations.csv', '--val-fraction', '0.3', '--skip-bad']
    return {'cbis': (['prepare-cbis', cbis], []), 'zgt': (['prepare'], table)}


def words(command, out, *more):
    before, after = command
    return [*map(str, (*before, out, *after, '--no-browse', '--jobs', 1, *more))]


@pytest.mark.parametrize('name', ['cbis', 'zgt'])
def test_shards_and_a_merge_write_what_one_run_writes(name, commands, tmp_path, capsys):
    command, out = commands[name], tmp_path / 'data'
    main(words(command, tmp_path / 'whole' / 'data'))
    told = capsys.readouterr().out
    for number in (2, 0, 1):
        main(words(command, out, '--shard', f'{number}/3'))
        assert f'Shard {number}/3 of {out}: ' in capsys.readouterr().out
        assert not (out / 'index.csv').exists()
    main(words(command, out, '--merge'))
    assert capsys.readouterr().out == told.replace(str(tmp_path / 'whole'), str(tmp_path))
    whole = files(tmp_path / 'whole' / 'data')
    assert files(out) == whole
    assert len(whole) > 6
    assert 'index.csv' in whole


@pytest.mark.parametrize('name', ['cbis', 'zgt'])
def test_a_merge_without_a_shard_names_it_and_writes_no_index(name, commands, tmp_path):
    out = tmp_path / 'out'
    main(words(commands[name], out, '--shard', '0/2'))
    with pytest.raises(SystemExit, match=r'missing, of shard 1/2 \(\d+ of \d+ images, never begun'):
        main(words(commands[name], out, '--merge'))
    assert not (out / 'index.csv').exists()


def test_a_shard_that_there_is_not_and_a_merge_of_a_shard_are_refused(commands, tmp_path, capsys):
    with pytest.raises(SystemExit, match=r'--shard 2/2\. Allowed: 0/2 to 1/2'):
        main(words(commands['cbis'], tmp_path / 'out', '--shard', '2/2'))
    with pytest.raises(SystemExit):
        main(words(commands['cbis'], tmp_path / 'out', '--shard', '1/2', '--merge'))
    assert 'not allowed with argument' in capsys.readouterr().err


@pytest.mark.slow  # processes that import everything
def test_shards_that_start_at_once_one_of_them_killed(commands, tmp_path):
    command, out = commands['cbis'], tmp_path / 'data'
    main(words(command, tmp_path / 'whole' / 'data'))
    calls = [words(command, out, '--shard', f'{number}/3') for number in range(3)]
    started = [subprocess.Popen([sys.executable, '-m', 'mmseg_mammo', *call]) for call in calls]
    journal = out / '.shards' / '1-of-3.jsonl'
    while started[1].poll() is None and not (journal.is_file() and journal.stat().st_size):
        time.sleep(0.01)
    os.kill(started[1].pid, signal.SIGKILL)
    assert [process.wait(300) for process in started][::2] == [0, 0]
    subprocess.run([sys.executable, '-m', 'mmseg_mammo', *calls[1]], check=True)
    main(words(command, out, '--merge'))
    assert files(out) == files(tmp_path / 'whole' / 'data')

"""What the sub-commands share: the start of the host, errors in one line."""

import argparse
import errno
import os

import pytest
from experiments import shrink
from torch.utils.data import DataLoader, Dataset

from mmseg_mammo.cli.common import (
    check_counts,
    end_in_one_line,
    host_command,
    named_errors,
    resumable,
)
from mmseg_mammo.engine.runner import build_runner
from mmseg_mammo.errors import DataFileError, MammoError


def test_a_command_of_the_host_registers_first_and_gets_its_options_read(monkeypatch):
    steps = []
    monkeypatch.setattr('mmseg_mammo.register', lambda: steps.append('registered'))
    args = argparse.Namespace(cfg_options=['a=[1,2]'], parser=argparse.ArgumentParser())
    host_command(lambda args: steps.append(args.cfg_options))(args)
    assert steps == ['registered', {'a': [1, 2]}]


def test_an_error_of_a_command_is_one_line():
    @host_command
    def main(args):
        raise MammoError(f'{args.what} is wrong', 'right')

    with pytest.raises(SystemExit) as stopped:
        main(argparse.Namespace(what='it'))
    assert stopped.value.code == 'error: it is wrong. Allowed: right.'


@pytest.mark.parametrize(
    ('setting', 'said'),
    [
        ({'model.backbone.type': 'UNett'}, 'UNett of the config .* KeyError: UNett is not in'),
        ({'model.backbone.base_chanels': 4}, "UNet of the config .*'base_chanels'"),
        ({'visualizer.type': None}, 'of the config cannot be built'),
        ({'optim_wrapper': None}, 'the runner of the config .* should be either all None'),
        ({'custom_hooks': [{'type': 'Foo'}]}, 'Foo of the config'),
        ({'log_level': 'LOUD'}, 'the runner of the config .*LOUD'),
    ],
)
def test_what_the_host_cannot_build_ends_in_one_line(
    setting, said, prepared, tmp_path, monkeypatch
):
    cfg = shrink('unet_cbis', prepared, tmp_path)
    cfg.launcher = 'none'
    cfg.merge_from_dict(setting)
    with pytest.raises(SystemExit, match=f'^error: .*{said}') as stopped:
        end_in_one_line(lambda: build_runner(cfg, 0))
    assert len(stopped.value.code) < 500
    assert 'MMSEG_MAMMO_TRACEBACK=1' in stopped.value.code
    monkeypatch.setenv('MMSEG_MAMMO_TRACEBACK', '1')
    with pytest.raises(Exception, match=r'.') as shown:
        end_in_one_line(lambda: build_runner(cfg, 0))
    assert not isinstance(shown.value, SystemExit)


def test_a_fault_of_the_code_keeps_its_traceback():
    with pytest.raises(KeyError):
        end_in_one_line(lambda: {}['a'])


def test_a_message_may_name_another_error():
    def fail():
        raise MammoError('c.py: not readable (SyntaxError: here)')

    with pytest.raises(SystemExit) as stopped:
        end_in_one_line(fail)
    assert stopped.value.code == 'error: c.py: not readable (SyntaxError: here).'


class Broken(Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        raise DataFileError('7.png: truncated', 'whole files', 'Copy it again')


@pytest.mark.parametrize('workers', [0, 1])
def test_bad_data_ends_in_one_line_also_from_a_loaders_worker(workers):
    with pytest.raises(SystemExit) as stopped:
        end_in_one_line(lambda: list(DataLoader(Broken(), num_workers=workers)))
    assert stopped.value.code == 'error: 7.png: truncated. Allowed: whole files. Copy it again.'


def test_ctrl_c_says_how_a_training_goes_on():
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(SystemExit, match=r'^Stopped\. .*--resume.*last checkpoint, or begins'):
        end_in_one_line(stop)


def test_named_errors_are_those_of_the_package_and_those_named():
    for error, kinds in ((MammoError('bad'), ()), (OSError('bad.'), (OSError,))):
        with pytest.raises(SystemExit) as stopped, named_errors('tool', *kinds):
            raise error
        assert stopped.value.code == 'tool: bad.'
    with pytest.raises(OSError, match='bad'), named_errors('tool'):
        raise OSError('bad')


def test_a_resumable_command_says_so_on_ctrl_c(capsys):
    with pytest.raises(SystemExit) as stopped, resumable():
        raise KeyboardInterrupt
    assert stopped.value.code == 130
    assert 'The same command goes on' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('value', 'refused'), [(1, False), (0, True), (None, False), ([2, 1], False), ([2, 0], True)]
)
def test_counts_begin_with_one(value, refused):
    args = argparse.Namespace(batch_size=value)
    if refused:
        with pytest.raises(MammoError) as error:
            check_counts(args, ['batch_size'])
        assert f'--batch-size {value}. Allowed: a number from 1 on' in str(error.value)
    else:
        check_counts(args, ['batch_size'])


@pytest.mark.parametrize('fault', ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'ENOTDIR'])
def test_a_disk_that_is_full_or_closed_ends_in_one_line(fault):
    number = getattr(errno, fault)

    def fail():
        raise OSError(number, os.strerror(number), 'out/a.png')

    with pytest.raises(SystemExit) as stopped:
        end_in_one_line(fail)
    assert stopped.value.code == (
        f'error: out/a.png: {os.strerror(number)}. Make room, give yourself the right to write, or '
        'name another place.'
    )


def test_a_file_that_is_missing_is_a_fault_of_the_code():
    with pytest.raises(FileNotFoundError):
        end_in_one_line(lambda: open('absent'))  # noqa: PTH123, SIM115

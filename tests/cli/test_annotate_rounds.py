"""``annotate-next --simulate``: from options to tables, and what is refused."""

import csv

import pytest

from mmseg_mammo.cli.main import main
from mmseg_mammo.studies.holding import hold

OPTIONS = [
    *('train_cfg.max_iters=2', 'param_scheduler=None'),
    *(
        f'{split}_dataloader.{option}'
        for split in ('train', 'val', 'test')
        for option in ('batch_size=2', 'num_workers=0', 'persistent_workers=False')
    ),
]


def simulate(data, start, out, *words, options=()):
    words = ('annotate-next', data, '--from', start, '--out', out, *words)
    main([*map(str, words), '--device', 'cpu', '--cfg-options', *OPTIONS, *options])


def test_methods_are_compared_and_more_seeds_can_be_added(unet, prepared, tmp_path, capsys):
    out = tmp_path / 'rounds'
    words = ['--simulate', 2, '--count', 2, '--method', 'random', 'clusters']
    simulate(prepared, unet, out, *words, '--seeds', 1)
    said = capsys.readouterr().out
    assert 'clusters: lesion Dice' in said
    assert 'with 4 images, 1 seed; against random' in said
    first = (out / 'rounds.csv').read_text()
    assert first.count('\n') == 1 + 1 + 2 * 2
    assert (out / 'rounds.png').is_file()
    simulate(prepared, unet, out, *words, '--seeds', 2)
    with (out / 'rounds.csv').open(newline='') as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 1 + 2 * 2 * 2
    assert all(line in (out / 'rounds.csv').read_text() for line in first.splitlines())
    with pytest.raises(SystemExit, match='holds a simulation with other settings: count was 2'):
        simulate(prepared, unet, out, '--simulate', 2, '--count', 3)


def test_what_another_process_does_is_left_to_it_and_said(unet, prepared, tmp_path, capsys):
    out = tmp_path / 'rounds'
    words = ['--simulate', 1, '--count', 2, '--seeds', 1]
    simulate(prepared, unet, out, *words, '--method', 'random')
    capsys.readouterr()
    with hold(out / 'clusters' / 'seed_0'):
        simulate(prepared, unet, out, *words, '--method', 'clusters')
    assert 'clusters, seed 0: another process does it' in capsys.readouterr().out
    assert (out / 'rounds.csv').read_text().count('\n') == 1 + 1 + 1


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--simulate', '9', '--count', '2'], '--simulate 9 rounds of --count 2 images'),
        (['--simulate', '0'], '--simulate 0'),
        (['--simulate', '1', '--method', 'magic'], '--method magic'),
        (['--simulate', '1', '--threshold', '0.3'], '--threshold with --simulate'),
        (['--simulate', '1', '--count', '2', '--config', 'unet_cbis'], 'unet_cbis'),
        (['--method', 'random', 'entropy'], 'one method'),
    ],
)
def test_bad_options_end_in_one_line(words, message, unet, prepared, tmp_path):
    with pytest.raises(SystemExit) as ended:
        simulate(prepared, unet, tmp_path / 'out', *words)
    assert message in str(ended.value)
    assert '\n' not in str(ended.value)
    assert not (tmp_path / 'out').exists()

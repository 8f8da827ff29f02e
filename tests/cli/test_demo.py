"""``demo``: its commands, its folder, its table; the demo itself is ``make demo``."""

import json
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from experiments import CONFIGS
from mmengine.config import Config

from mmseg_mammo.cli import demo
from mmseg_mammo.cli.main import parser_of
from mmseg_mammo.engine.config.load import load_config
from mmseg_mammo.engine.config.overrides import Options
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.image import read_picture, write_png

SCORES = {'lesion_iou': 40.0, 'lesion_dice': 50.0, 'specificity': 75.0, 'auroc': 0.9}


@pytest.fixture
def commands(monkeypatch, tmp_path, capsys):
    """What the demo runs, in an empty folder: by what means, and the words that it prints."""
    started = []
    monkeypatch.setattr(
        demo.subprocess,
        'run',
        lambda words, **more: started.append((words, more)) or SimpleNamespace(returncode=0),
    )
    monkeypatch.chdir(tmp_path)
    return started


def test_a_command_is_printed_as_a_user_types_it(commands, capsys):
    demo.run('train', Path('a b.py'), '--side', 112)
    assert capsys.readouterr().out == "\n$ mammoseg train 'a b.py' --side 112\n"
    ((words, more),) = commands
    assert words == [sys.executable, '-m', 'mmseg_mammo', 'train', 'a b.py', '--side', '112']
    assert more['env']['MMSEG_MAMMO_REGISTER'] == '0'


def test_a_command_that_fails_ends_the_demo(monkeypatch):
    monkeypatch.setattr(demo.subprocess, 'run', lambda *a, **k: SimpleNamespace(returncode=3))
    with pytest.raises(MammoError, match='mammoseg train ended with exit status 3'):
        demo.run('train')


def fake(command, *arguments):
    """What a command leaves, as far as the demo reads it."""
    words = list(map(str, arguments))
    parser_of(command, command).parse_args(words)
    if command == 'test':
        folder = Path(words[words.index('--work-dir') + 1]) / 'now'
        (folder / 'overlays').mkdir(parents=True)
        (folder / 'test.json').write_text(json.dumps({'scores': SCORES}))
        for number in range(4):
            picture = np.full((30, 60, 3), 50 * number, np.uint8)
            write_png(folder / 'overlays' / f'{number}.png', picture)
    return shlex.join([command, *words])


@pytest.mark.parametrize('out', ['demo', 'elsewhere/d'])
def test_every_step_is_a_command_with_its_files_below_the_folder(
    out, commands, monkeypatch, tmp_path
):
    """Where that is the folder of the configs, no setting is overridden."""
    lines = []
    monkeypatch.setattr(demo, 'run', lambda *words: lines.append(fake(*words)))
    monkeypatch.setattr(demo.Demo, 'save_untuned', lambda self: self.work / 'untuned.pth')
    scores = demo.Demo(Path(out)).run()
    assert list(scores) == ['untuned', 'U-Net', 'SETR-VPT', 'SAM, prompts from truth']
    assert all(row == (SCORES, SCORES) for row in scores.values())
    kinds = [line.split()[0] for line in lines]
    data = ['phantom', 'prepare', 'phantom', 'prepare-cbis', 'phantom', 'prepare']
    assert kinds == [*data, *['train'] * 4, *['test'] * 8, 'report']
    assert f'prepare-cbis {out}/raw/cbis_ddsm {out}/data/cbis_ddsm' in lines
    assert {path.name for path in (tmp_path / out).iterdir()} == {
        'overlays.png',
        'results.txt',
        'work_dirs',
    }
    assert read_picture(tmp_path / out / 'overlays.png').shape == (3 * 410, 2 * 690, 3)
    assert ('--cfg-options' in ' '.join(lines)) is (out != 'demo')
    (unet,) = (line for line in lines if '/unet_cbis.py' in line and line.startswith('train'))
    assert '--side 112' in unet


@pytest.mark.parametrize(
    'path', sorted((CONFIGS / 'demo').glob('*.py')), ids=lambda path: path.stem
)
def test_in_another_folder_nothing_is_left_of_the_configs_own(path, tmp_path):
    """The overrides are taken, and what they set is all that names a place."""
    words = demo.Demo(Path('else/where')).places(path)
    parser = parser_of('test', 'test')
    args = parser.parse_args([str(path), 'c.pth', *words])
    found = SimpleNamespace(cfg_options=None)
    Options(['-o'], 'cfg_options', nargs='+')(parser, found, args.cfg_options, '-o')
    args.cfg_options = found.cfg_options
    before = str(Config.fromfile(path)._cfg_dict)
    changed = load_config(args)
    places = {value for _, value in found_places(changed)}
    assert not [value for value in places if value.startswith('demo/')]
    assert [value for value in places if value.startswith('else/where/')]
    assert 'demo/' in before


def found_places(cfg):
    from mmseg_mammo.engine.config.keys import paths

    return [(key, value) for key, value in paths(cfg) if isinstance(value, str)]


def test_the_table_names_what_predicting_nothing_gives():
    lines = demo.results({'U-Net': (SCORES, {**SCORES, 'auroc': 0.456})}).splitlines()
    assert lines[2].split() == ['predict', 'nothing', '0.0', '0.0', '0.0', '0.0', '100.0', '0.50']
    assert lines[3].split() == ['U-Net', '40.0', '50.0', '40.0', '50.0', '75.0', '0.46']
    assert lines[4].endswith('nothing here is about patients.')


@pytest.mark.parametrize(('dice', 'refused'), [(4.9, True), (5.1, False)])
def test_a_model_that_learnt_nothing_fails_the_demo(dice, refused, monkeypatch, capsys):
    good, bad = ({'lesion_dice': value} for value in (50.0, dice))
    scores = {'untuned': ({'lesion_dice': 0.0},) * 2, 'SAM, prompts from truth': (good, good)}
    scores |= {'U-Net': (good, bad), 'SETR-VPT': (good, good)}
    monkeypatch.setattr(demo.Demo, 'run', lambda self: scores)
    args = SimpleNamespace(out=Path('demo'))
    if refused:
        with pytest.raises(SystemExit, match=r'^error: a model learnt next to nothing \(4\.9 %'):
            demo.main(args)
    else:
        demo.main(args)
    assert 'minutes' in capsys.readouterr().out

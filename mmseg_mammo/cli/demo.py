"""The whole way on phantoms: raw data, preparation, training, testing on two hospitals, report.

Example:
  mammoseg demo --out demo

Everything goes to one folder; what is finished there is not done again. It takes up to 10 minutes
on two CPU cores.
"""

import argparse
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from mmseg_mammo.cli.common import host_command
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.files import read_json, write_atomic
from mmseg_mammo.io.image import read_picture, write_png
from mmseg_mammo.io.run_folder import OVERLAYS, SUMMARY
from mmseg_mammo.visualization.overlay import draw_grid

FOLDER = 'demo'  # where the configs of the demo expect data and checkpoints
PRETRAIN, TUNE = 'setr_pup_screening', 'setr_pup_vpt'
# Name of the model -> its configs without the hospital, and options of train and test.
MODELS_TRAINED = {
    'U-Net': ('unet', ('--side', 112)),
    'SETR-VPT': (TUNE, ()),
    'SAM, prompts from truth': ('sam', ()),
}
# (name, kind of hospital, patients, more options of phantom)
PHANTOMS = (
    ('screening', 'screening', 300, ()),
    ('cbis_ddsm', 'cbis', 240, ('--defects', 'order,split,swapped,scaled,missing')),
    ('zgt', 'zgt', 24, ()),
)
HOSPITALS = ('cbis', 'zgt')
ROWS = 3  # of the picture
LEARNT = 5  # percent lesion Dice; a model below it learnt next to nothing
Scores = Mapping[str, float]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the demo."""
    parser.add_argument(
        '--out', type=Path, default=Path(FOLDER), help='folder of everything (default: %(default)s)'
    )


@host_command
def main(args: argparse.Namespace) -> None:
    """Run every step, print the table, and fail if training did not help."""
    start = time.monotonic()
    demo = Demo(args.out)
    try:
        scores = demo.run()
    except KeyboardInterrupt:
        sys.exit('Stopped. The same command goes on where it stopped.')
    print(f'{(time.monotonic() - start) / 60:.1f} minutes')
    trained = [row['lesion_dice'] for label in MODELS_TRAINED for row in scores[label]]
    if min(trained) < LEARNT:
        raise MammoError(f'a model learnt next to nothing ({min(trained):.1f} % lesion Dice)')


class Demo:
    """The steps of the demo in one folder.

    Args:
        out: The folder.
    """

    def __init__(self, out: Path) -> None:
        from mmseg_mammo.io.shipped import configs_folder

        self.out = out
        self.work = out / 'work_dirs'
        self.configs = _near(configs_folder() / 'demo')

    def run(self) -> dict[str, tuple[Scores, ...]]:
        """Do what is missing; the scores of each model on each hospital."""
        self.make_data()
        self.train(PRETRAIN)
        models = {
            label: (config, options, self.train(f'{config}_cbis', *options), 'tests')
            for label, (config, options) in MODELS_TRAINED.items()
        }
        models = {'untuned': (TUNE, (), self.save_untuned(), 'untuned_tests'), **models}
        scores, tests = {}, {}
        for label, (config, options, checkpoint, place) in models.items():
            found = [self.test(f'{config}_{h}', checkpoint, place, *options) for h in HOSPITALS]
            scores[label], tests[label] = zip(*found, strict=True)
        self.report()
        picture, page = self.out / 'overlays.png', self.out / 'report' / 'index.html'
        overlays = [sorted((folder / OVERLAYS).glob('*.png')) for folder in tests['SETR-VPT']]
        write_png(picture, draw_grid([[*map(read_picture, paths[:ROWS])] for paths in overlays]))
        table = results(scores)
        text = f'{table}\n'.encode()
        write_atomic(self.out / 'results.txt', lambda stream: stream.write(text))
        print(f'\n{table}\n\nPictures: {picture.resolve()}\nReport: {page.resolve()}')
        look_at_report(self.out / 'report')
        return scores

    def make_data(self) -> None:
        """Raw phantoms of three hospitals, and their preparation."""
        for seed, (name, hospital, patients, more) in enumerate(PHANTOMS, start=1):
            raw, out = self.out / 'raw' / name, self.out / 'data' / name
            if not (raw / 'PHANTOM.txt').is_file():
                options = ['--hospital', hospital, '--patients', patients, '--seed', seed]
                run('phantom', raw, *options, '--height', 320, *more)
            if hospital == 'cbis':
                run('prepare-cbis', raw, out)
            else:
                split = 'train' if hospital == 'screening' else 'test'
                table = ['--table', raw / 'annotations.csv', '--source', name, '--split', split]
                run('prepare', out, *table)

    def train(self, name: str, *options: object) -> Path:
        """Train a demo config, or go on where it stopped; the last checkpoint."""
        from mmengine.config import Config

        work_dir = self.work / name
        path = self.configs / f'{name}.py'
        last = work_dir / f'epoch_{Config.fromfile(path).train_cfg.max_epochs}.pth'
        if not last.is_file():
            resume = ['--resume'] if (work_dir / 'last_checkpoint').is_file() else []
            run('train', path, '--work-dir', work_dir, *resume, *options, *self.places(path))
        return last

    def save_untuned(self) -> Path:
        """A checkpoint of the model as tuning starts: trained backbone, random prompts and head."""
        import torch
        from mmengine.config import Config
        from mmengine.registry import init_default_scope
        from mmengine.runner import set_random_seed
        from mmseg.registry import MODELS

        path = self.work / 'untuned.pth'
        cfg = Config.fromfile(self.configs / f'{TUNE}_cbis.py')
        cfg.model.backbone.pretrained = self.moved(cfg.model.backbone.pretrained)
        init_default_scope('mmseg')
        set_random_seed(0)
        model = MODELS.build(cfg.model)
        model.init_weights()
        write_atomic(path, lambda stream: torch.save({'state_dict': model.state_dict()}, stream))
        return path

    def test(
        self, name: str, checkpoint: Path, folder: str, *options: object
    ) -> tuple[Scores, Path]:
        """Test a checkpoint; its scalars and the folder of the run."""
        work_dir = self.work / folder / name
        path = self.configs / f'{name}.py'
        run('test', path, checkpoint, '--work-dir', work_dir, *options, *self.places(path))
        newest = max(found.parent for found in work_dir.glob(f'*/{SUMMARY}'))
        return read_json(newest / SUMMARY)['scores'], newest

    def report(self) -> None:
        """The transfer report of everything that was trained and tested."""
        tests = self.work / 'tests'
        names = [
            f'{tests / f"{config}_{hospital}"}={name}'
            for name, (config, _) in MODELS_TRAINED.items()
            for hospital in HOSPITALS
        ]
        trainings = [self.work / f'{config}_cbis' for config, _ in MODELS_TRAINED.values()]
        run('report', *trainings, tests, '--out', self.out / 'report', '--name', *names)

    def places(self, path: Path) -> list[str]:
        """``--cfg-options`` for a folder other than that of the demo's configs."""
        from mmengine.config import Config

        from mmseg_mammo.engine.config.keys import paths

        if self.out == Path(FOLDER):
            return []
        found = [(key, value) for key, value in paths(Config.fromfile(path)) if _is_place(value)]
        return ['--cfg-options', *(f'{key}={self.moved(value)}' for key, value in found)]

    def moved(self, place: str) -> str:
        """A file or folder that a config of the demo names, in the folder of this one."""
        return str(self.out / Path(place).relative_to(FOLDER))


def _is_place(value: object) -> bool:
    return isinstance(value, str) and value.startswith(f'{FOLDER}/')


def _near(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def run(command: str, *arguments: object) -> None:
    """Print and run a sub-command of ``mammoseg``; stop if it fails.

    Raises:
        MammoError: It ended with an error, which it has printed.
    """
    words = [command, *map(str, arguments)]
    print('\n$ mammoseg', shlex.join(words), flush=True)
    done = subprocess.run(
        [sys.executable, '-m', 'mmseg_mammo', *words],
        env={**os.environ, 'MMSEG_MAMMO_REGISTER': '0'},
        check=False,
    )
    if done.returncode:
        raise MammoError(f'mammoseg {command} ended with exit status {done.returncode}')


def results(scores: Mapping[str, Sequence[Scores]]) -> str:
    """A table of all tests, and what it is about.

    Args:
        scores: Scalars on ``cbis`` and on ``zgt`` by the name of a model.
    """
    nothing = {'lesion_iou': 0.0, 'lesion_dice': 0.0, 'specificity': 100.0, 'auroc': 0.5}
    rows = {'predict nothing': (nothing, nothing), **scores}
    lines = [
        'phantom test images       cbis: lesion        zgt (zero-shot): lesion   normal',
        '                          IoU %   Dice %      IoU %   Dice %     specificity %  AUROC',
    ]
    for name, (cbis, zgt) in rows.items():
        lines.append(
            f'{name:<24}{cbis["lesion_iou"]:>7.1f}{cbis["lesion_dice"]:>9.1f}'
            f'{zgt["lesion_iou"]:>11.1f}{zgt["lesion_dice"]:>9.1f}'
            f'{zgt["specificity"]:>15.1f}{zgt["auroc"]:>10.2f}'
        )
    lines.append('Synthetic phantoms and small models: nothing here is about patients.')
    return '\n'.join(lines)


def look_at_report(folder: Path) -> None:
    """In a clone, open the page in Chromium: numbers as in the CSVs, filters, slider."""
    from mmseg_mammo.io.shipped import configs_folder

    clone = configs_folder().parent
    test = 'tests/test_report_in_browser.py'
    if not (clone / test).is_file() or find_spec('pytest') is None:
        return
    report = str(folder.resolve())
    print(f'\n$ REPORT={report} python -m pytest -n 0 -rs -k "not thousand" {test}', flush=True)
    options = ('-n', '0', '-rs', '--disable-warnings', '-k', 'not thousand')  # its own report
    command = [sys.executable, '-m', 'pytest', *options, test]
    subprocess.run(command, cwd=clone, check=True, env={**os.environ, 'REPORT': report})

"""The whole way on phantoms: raw data, preparation, training, testing on two hospitals, report.

make demo

Everything goes to demo/ of the repository; what is finished there is not done again.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import set_random_seed
from mmseg.registry import MODELS

import mmseg_mammo  # noqa: F401 - only registration
from mmseg_mammo.io.files import write_atomic
from mmseg_mammo.io.image import write_png

ROOT = Path(__file__).parents[1]
DEMO = ROOT / 'demo'
WORK = DEMO / 'work_dirs'
PRETRAIN, TUNE = 'setr_pup_screening', 'setr_pup_vpt'
# Name of the model -> its configs without the hospital, and options of train.py and test.py.
MODELS_TRAINED = {
    'U-Net': ('unet', ('--side', 112)),
    'SETR-VPT': (TUNE, ()),
    'SAM, prompts from truth': ('sam', ()),
}
# (name, kind of hospital, patients, more options of make_phantom.py)
PHANTOMS = (
    ('screening', 'screening', 300, ()),
    ('cbis_ddsm', 'cbis', 240, ('--defects', 'order,split,swapped,scaled,missing')),
    ('zgt', 'zgt', 24, ()),
)
HOSPITALS = ('cbis', 'zgt')


def run(tool: str, *arguments: object) -> None:
    """Print and run a tool of this folder; stop if it fails."""
    command = [f'tools/{tool}', *map(str, arguments)]
    print('\n$ python', *command, flush=True)
    subprocess.run([sys.executable, *command], cwd=ROOT, check=True)


def make_data() -> None:
    """Raw phantoms of three hospitals, and their preparation."""
    for seed, (name, hospital, patients, more) in enumerate(PHANTOMS, start=1):
        raw, out = f'demo/raw/{name}', f'demo/data/{name}'
        if not (ROOT / raw / 'PHANTOM.txt').is_file():
            options = ['--hospital', hospital, '--patients', patients, '--seed', seed]
            run('make_phantom.py', raw, *options, '--height', 320, *more)
        if hospital == 'cbis':
            run('prepare_cbis_ddsm.py', raw, out)
        else:
            split = 'train' if hospital == 'screening' else 'test'
            table = ['--table', f'{raw}/annotations.csv', '--source', name, '--split', split]
            run('prepare_hospital.py', out, *table)


def train(name: str, *options: object) -> Path:
    """Train a demo config, or go on where it stopped; the last checkpoint."""
    work_dir = WORK / name
    epochs = Config.fromfile(ROOT / 'configs' / 'demo' / f'{name}.py').train_cfg.max_epochs
    last = work_dir / f'epoch_{epochs}.pth'
    if not last.is_file():
        resume = ['--resume'] if (work_dir / 'last_checkpoint').is_file() else []
        place = ['--work-dir', work_dir.relative_to(ROOT), *resume]
        run('train.py', f'configs/demo/{name}.py', *place, *options)
    return last


def save_untuned() -> Path:
    """A checkpoint of the model as tuning starts: trained backbone, random prompts and head."""
    path = WORK / 'untuned.pth'
    cfg = Config.fromfile(ROOT / 'configs' / 'demo' / f'{TUNE}_cbis.py')
    cfg.model.backbone.pretrained = str(ROOT / cfg.model.backbone.pretrained)
    init_default_scope('mmseg')
    set_random_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    write_atomic(path, lambda stream: torch.save({'state_dict': model.state_dict()}, stream))
    return path


def test(name: str, checkpoint: Path, folder: str, *options: object) -> tuple[dict, Path]:
    """Test a checkpoint; its scalars and the folder of the run."""
    work_dir = WORK / folder / name
    place = ['--work-dir', work_dir.relative_to(ROOT)]
    run('test.py', f'configs/demo/{name}.py', checkpoint.relative_to(ROOT), *place, *options)
    folder = max(path.parent for path in work_dir.glob('*/test.json'))
    return json.loads((folder / 'test.json').read_text())['scores'], folder


def results(scores: dict[str, tuple[dict, dict]]) -> str:
    """A table of all tests, and what it is about."""
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


def picture(folders: tuple[Path, ...], rows: int = 3) -> np.ndarray:
    """A grid of the first overlays of both test sets, one column per set."""
    columns = [
        np.vstack([tile(path) for path in sorted((folder / 'overlays').glob('*.png'))[:rows]])
        for folder in folders
    ]
    return np.hstack(columns)


def tile(path: Path, width: int = 680, height: int = 400) -> np.ndarray:
    """An overlay picture shrunk into a white tile."""
    overlay = cv2.imread(str(path))
    scale = min(width / overlay.shape[1], height / overlay.shape[0])
    small = cv2.resize(overlay, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    canvas = np.full((height + 10, width + 10, 3), 255, np.uint8)
    canvas[5 : 5 + small.shape[0], 5 : 5 + small.shape[1]] = small
    return canvas


def report() -> None:
    """The transfer report of everything that was trained and tested."""
    configs = {name: config for name, (config, _) in MODELS_TRAINED.items()}
    trainings = [f'demo/work_dirs/{config}_cbis' for config in configs.values()]
    runs = [*trainings, 'demo/work_dirs/tests']
    names = [
        f'demo/work_dirs/tests/{config}_{hospital}={name}'
        for name, config in configs.items()
        for hospital in HOSPITALS
    ]
    run('report.py', *runs, '--out', 'demo/report', '--name', *names)


def look_at_report() -> None:
    """Open the page in Chromium, where there is one: numbers as in the CSVs, filters, slider."""
    test = 'tests/reporting/test_whole_report_in_browser.py'
    print(f'\n$ REPORT=demo/report python -m pytest -n 0 -rs -k "not thousand" {test}', flush=True)
    options = ('-n', '0', '-rs', '--disable-warnings', '-k', 'not thousand')  # its own report
    command = [sys.executable, '-m', 'pytest', *options, test]
    subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, 'REPORT': 'demo/report'})


def main() -> None:
    """Run every step, print the table, and fail if training did not help."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    start = time.monotonic()
    make_data()
    train(PRETRAIN)
    models = {
        label: (config, options, train(f'{config}_cbis', *options), 'tests')
        for label, (config, options) in MODELS_TRAINED.items()
    }
    models = {'untuned': (TUNE, (), save_untuned(), 'untuned_tests'), **models}
    scores, tests = {}, {}
    for label, (config, options, checkpoint, place) in models.items():
        found = [test(f'{config}_{h}', checkpoint, place, *options) for h in HOSPITALS]
        scores[label], tests[label] = zip(*found, strict=True)
    report()
    write_png(DEMO / 'overlays.png', picture(tests['SETR-VPT']))
    table = results(scores)
    write_atomic(DEMO / 'results.txt', lambda stream: stream.write(f'{table}\n'.encode()))
    print(f'\n{table}\n\nPictures: {DEMO / "overlays.png"}\nReport: {DEMO / "report/index.html"}')
    look_at_report()
    print(f'{(time.monotonic() - start) / 60:.1f} minutes')
    trained = [row['lesion_dice'] for label in MODELS_TRAINED for row in scores[label]]
    if min(trained) < 5:
        sys.exit(f'error: a model learnt next to nothing ({min(trained):.1f} % lesion Dice)')


if __name__ == '__main__':
    main()

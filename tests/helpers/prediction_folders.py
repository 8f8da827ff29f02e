"""Folders as ``mammoseg predict`` leaves them, from made-up numbers; no model, no host."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np

SHAPE = (48, 32)  # of the small pictures
HOSTILE = '"><img src=x onerror="window.hacked = 1"><script>window.hacked = 1</script>'
LONG = 'station_07/' + 'a_very_long_folder_name_of_an_archive/' * 6 + 'IM_000001.dcm'
RUN = {
    'state': 'finished',
    'started': '2026-03-01T08:00:00+0100',
    'seconds': 12.5,
    'device': 'cpu',
    'versions': {'mmseg_mammo': '0.9.0', 'torch': '2.1.2'},
    'checkpoints': [
        {
            'file': '/models/unet/epoch_9.pth',
            'sha256': '0123456789abcdef' * 4,
            'name': 'unet_cbis',
            'trained_on': 'CBIS-DDSM',
        }
    ],
    'threshold': 0.5,
    'temperature': 1.0,
    'breast_only': False,
    'tta': False,
    'prompts': None,
    'mask_kind': {'contour': 800},
}
COLUMNS = {
    'predictions.csv': (
        *('key', 'image', 'patient_id', 'laterality', 'view', 'height', 'width', 'score'),
        *('regions', 'area_pixels', 'area_mm2', 'threshold', 'seconds', 'mask'),
    ),
    'lesions.csv': (
        *('key', 'image', 'number', 'score', 'x', 'y', 'left', 'top', 'right', 'bottom', 'pixels'),
        *('area_mm2', 'longest_diameter_mm'),
    ),
    'breasts.csv': (*('patient_id', 'laterality', 'images', 'views', 'score', 'regions', 'files'),),
    'failed.csv': ('image', 'reason'),
}


def image_line(number, score=None, regions=0, **changed):
    """A line of predictions.csv: even numbers are CC, the first two of four left."""
    return {
        'key': f'in_{number:04}',
        'image': f'in/{number:04}.dcm',
        'patient_id': f'P{number // 4:03}',
        'laterality': ('L', 'R')[number // 2 % 2],
        'view': ('CC', 'MLO')[number % 2],
        'height': 480,
        'width': 320,
        'score': '' if score is None else score,
        'regions': regions,
        'area_pixels': 100 * regions,
        'area_mm2': 1.5 * regions if number % 2 else '',
        'threshold': 0.5,
        'seconds': 0.25,
        'mask': f'masks/in_{number:04}.png',
        **changed,
    }


def make_predictions(folder, images=(), failed=(), breasts=(), **run):
    """Write a folder of predictions; ``run`` changes run.json.

    Args:
        folder: To be made.
        images: Lines of predictions.csv; those with regions get a marked picture.
        failed: (image, reason) of each file that failed.
        breasts: Lines of breasts.csv.

    Returns:
        The folder.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lines = {
        'predictions.csv': images,
        'lesions.csv': (),
        'breasts.csv': breasts,
        'failed.csv': [dict(zip(('image', 'reason'), each, strict=True)) for each in failed],
    }
    presence = ('presence', 'closed') * any('presence' in line for line in images)
    for name, columns in COLUMNS.items():
        columns = columns + presence * (name == 'predictions.csv')
        with (folder / name).open('w', newline='', encoding='utf-8') as stream:
            writer = csv.DictWriter(stream, columns, lineterminator='\n')
            writer.writeheader()
            writer.writerows(lines[name])
    for number, line in enumerate(images):
        _write_pictures(folder, line['key'], number, bool(line['regions']))
    (folder / 'run.json').write_text(json.dumps({**RUN, **run}), encoding='utf-8')
    return folder


def _write_pictures(folder, key, number, marked):
    image = np.linspace(20 + number % 50, 200, SHAPE[0] * SHAPE[1]).reshape(SHAPE).astype(np.uint8)
    mask = np.zeros(SHAPE, np.uint8)
    mask[20:28, 10:16] = 255 * marked
    encoded = {'jpg': cv2.imencode('.jpg', image)[1].tobytes()}
    encoded['png'] = cv2.imencode('.png', mask, (cv2.IMWRITE_PNG_BILEVEL, 1))[1].tobytes()
    names = [f'viewer/{key}.jpg', f'overlays/{key}.jpg', f'masks/{key}.png']
    for name in names + [f'viewer/{key}_predicted.png'] * marked:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encoded[name[-3:]])

"""Tables of made-up learning curves, as a study writes them; no training."""

import cv2
import numpy as np
from mmengine.config import Config

from mmseg_mammo.io.image import write_png
from mmseg_mammo.io.index import Row, write_index
from mmseg_mammo.io.shipped import find_config
from mmseg_mammo.io.tables.learning_curve import write_curve

# Limit, height and shape of a plateau a − b · exp(−n / c), and the trained parameters.
TUNINGS = {
    'unet_full': (52, 26, 30, 2_000_000),
    'unet_bias': (44, 12, 8, 4_000),
    'setr_vpt': (47, 30, 60, 900_000),
}
COUNTS = ('5', '10', '20', '40', '80', 'all')
SIZES = {'all': 128}


def make_curve(folder, tunings=TUNINGS, counts=COUNTS, seeds=3, patients=25, start=30.0):
    """Write both tables of a study; the read tables."""
    generator = np.random.default_rng(0)
    spread = generator.normal(0, 14, patients)
    cells, lines = [], []

    def add(config, count, seed, score, trained):
        images = SIZES.get(count) or int(count)
        key = {'config': config, 'count': count, 'seed': seed, 'fold': ''}
        cell = f'{config}/count_{count}/seed_{seed}' if config != 'start' else 'start'
        own = np.clip(score + spread + generator.normal(0, 3, patients), 0, 100)
        cells.append(
            {
                **key,
                'unit': 'images',
                'images': images,
                'patients': -(-images // 2),
                'lesion_images': images,
                'normal_images': 0,
                'lesion_dice': own.mean(),
                'dice': own.mean(),
                'start_kept': 'yes' if (config, count) == ('unet_bias', '5') else '',
                'trained_parameters': trained,
                'parameters': 3_000_000,
                'folder': cell,
            }
        )
        lines.extend(
            {**key, 'patient': f'P{n:02d}', 'lesion_images': 2, 'lesion_dice': value}
            for n, value in enumerate(own)
        )

    if start is not None:
        add('start', '0', '', start, '')
    for config, (a, b, c, trained) in tunings.items():
        for count in counts:
            images = SIZES.get(count) or int(count)
            for seed in range(seeds):
                level = a - b * np.exp(-images / c) + generator.normal(0, 0.8)
                add(config, count, seed, level, trained)
    return write_curve(folder, cells, lines)


def write_hospital(root, train=10, test=6):
    """A prepared folder of 64² images with round lesions, one image a patient, every fourth normal."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(train + test):
        name, lesion = f'{number:02d}.png', bool(number % 4)
        image = rng.integers(2000, 20000, (64, 64)).astype(np.uint16)
        if lesion:
            mask = np.zeros((64, 64), np.uint8)
            cv2.circle(mask, tuple(rng.integers(16, 48, 2).tolist()), 9, 255, -1)
            image[mask > 0] += 40000
            write_png(root / 'masks' / name, mask)
        write_png(root / 'images' / name, image)
        rows.append(
            Row(
                image=f'images/{name}',
                mask=f'masks/{name}' if lesion else '',
                patient_id=f'P{number:02d}',
                laterality='LEFT',
                view='MLO' if number % 2 else 'CC',
                split='train' if number < train else 'test',
                finding='mass' if lesion else '',
                pathology='',
                density='',
                annotated='lesion' if lesion else 'normal',
                mask_kind='contour',
                source='ours',
                original_height=64,
                original_width=64,
            )
        )
    write_index(root / 'index.csv', rows)
    return root


def tiny_few(name, steps=2):
    """A few-config of few steps, in this process."""
    cfg = Config.fromfile(find_config(f'few/{name}'))
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].update(batch_size=2, num_workers=0, persistent_workers=False)
    cfg.train_cfg.update(max_iters=steps, val_interval=steps)
    cfg.param_scheduler = None
    cfg.default_hooks.checkpoint.interval = steps
    return cfg

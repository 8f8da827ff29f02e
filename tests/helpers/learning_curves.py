"""Tables of made-up learning curves, as a study writes them; no training."""

import numpy as np

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

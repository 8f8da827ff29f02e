"""Configs in the host's pure-Python style."""

from mmengine.config import Config

from mmseg_mammo.io.shipped import find_config


def in_classes(name, tmp_path):
    """A shipped config in the host's pure-Python style: names of our types are classes."""
    text = Config.fromfile(find_config(name)).pretty_text
    for kind, module in (
        *(
            (n, 'mmseg_mammo.transforms')
            for n in ('ReadMammogram', 'MapIntensity', 'ResizeMammogram', 'MammoCLAHE')
        ),
        *((n, 'mmseg.datasets.transforms') for n in ('Resize',)),
        *((n, 'mmengine.optim') for n in ('OptimWrapper', 'ReduceOnPlateauLR', 'LinearLR')),
        ('CosineAnnealingLR', 'mmengine.optim'),
        ('AdamW', 'torch.optim'),
    ):
        if f"type='{kind}'" in text:
            text = f'from {module} import {kind}\n{text.replace(f"type={kind!r}", f"type={kind}")}'
    path = tmp_path / f'{name}.py'
    path.write_text(text)
    return Config.fromfile(path, lazy_import=True)

"""Checkpoints with a record, made without a training; and records that were tampered with."""

import json
import zipfile

import torch

from mmseg_mammo.io.checkpoint_record import MEMBER, add_record

BASE = {
    'role': 'pretrained',
    'file': 'weights/ViT-L_16.npz',
    'sha256': 'a' * 64,
    'licence': 'Apache-2.0',
    'publisher': 'google-research/vision_transformer',
    'trained_on': 'ImageNet-21k',
    'base': [],
}
DATA = {
    'type': 'CBISDDSMDataset',
    'data_root': 'data/cbis_ddsm',
    'index_sha256': 'b' * 64,
    'split': 'train',
    'finding': None,
    'images': 4,
    'patients': 2,
    'annotated': {'lesion': 3, 'normal': 1},
    'mask_kind': {'phantom': 4},
    'source': {'test': 4},
}
RECORD = {
    'format': 1,
    'versions': {'mmseg_mammo': '9.9.9'},
    'name': 'unet_cbis',
    'model': 'InputGridEncoderDecoder',
    'input': {
        'steps': [{'type': 'Resize', 'scale': (224, 224)}],
        'size': (224, 224),
        'mean': [127.5],
        'std': [127.5],
        'bgr_to_rgb': False,
    },
    'threshold': 0.5,
    'trained_on': {'train': DATA},
    'images': {
        'count': 4,
        'percent': [0, 1, 5, 25, 50, 75, 95, 99, 100],
        'quantiles': {
            name: [value] * 9
            for name, value in (
                ('height', 80.0),
                ('width', 64.0),
                ('bits', 16.0),
                ('breast', 0.25),
                ('level_50', 101.0),
            )
        },
    },
    'preparation': {},
    'base': [BASE],
    'config': {'model': {'type': 'EncoderDecoder'}},
    'epoch': 3,
    'iter': 6,
    'best_score': {'lesion_dice': 61.25},
    'trained_only': True,
}


def save(path, record=RECORD, **content):
    """A file as ``torch.save`` writes it, with a record unless that is None; its path."""
    torch.save({'meta': {}, 'state_dict': {'w': torch.arange(6.0)}, **content}, path)
    if record is not None:
        with path.open('r+b') as stream:
            add_record(stream, record)
    return path


def replace_record(source, path, text):
    """A copy of a checkpoint with another text, or bytes, in the place of its record; its path."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, 'w') as new:
        for name in old.namelist():
            new.writestr(name, text if name.endswith(MEMBER) else old.read(name))
    return path


def change_record(source, path, **changes):
    """A copy of a checkpoint whose record has other fields; its path."""
    with zipfile.ZipFile(source) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(MEMBER))
        record = json.loads(archive.read(name))
    return replace_record(source, path, json.dumps(record | changes))


def two_stages():
    """The record of a two-stage model whose stages are those of ``RECORD``."""
    kept = ('name', 'model', 'input', 'epoch', 'iter', 'best_score', 'trained_on', 'config')
    stage = {'sha256': 'c' * 64, **{key: RECORD[key] for key in kept}}
    choice = {
        'ranking': {'weights': [0.5, 0.25, 0.125], 'bias': -1.0},
        'keep': {'count': 2, 'min_score': 0.15},
        'threshold': 0.35,
        'dice': 40.0,
        'lesion_dice': 45.5,
        'lesion': 3,
        'normal': 1,
        'candidates': 12,
        'hits': 3,
    }
    model = {name: RECORD['config'].get('model') or {} for name in ('finder', 'refiner')}
    stages = {
        'finder': {**stage, 'name': 'unet_finder_cbis'},
        'refiner': {**stage, 'name': 'unet_refiner_cbis'},
        'choice': choice,
    }
    config = {**RECORD['config'], 'model': {'type': 'TwoStageSegmentor', **model}}
    return {**RECORD, 'model': 'TwoStageSegmentor', 'config': config, 'stages': stages}

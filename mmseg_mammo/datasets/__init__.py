"""Registered data sets, which read an ``index.csv``; samplers, and a collate function."""

from mmseg_mammo.datasets.base import MammographyDataset
from mmseg_mammo.datasets.cbis_ddsm import CBISDDSMDataset
from mmseg_mammo.datasets.endless import EndlessSampler
from mmseg_mammo.datasets.handover import packed_collate
from mmseg_mammo.datasets.samplers import LesionSizeSampler
from mmseg_mammo.datasets.zgt import ZGTDataset

__all__ = [
    'CBISDDSMDataset',
    'EndlessSampler',
    'LesionSizeSampler',
    'MammographyDataset',
    'ZGTDataset',
    'packed_collate',
]

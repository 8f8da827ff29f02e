"""Registered data sets, which read an ``index.csv``, and a sampler."""

from mmseg_mammo.datasets.base import MammographyDataset
from mmseg_mammo.datasets.cbis_ddsm import CBISDDSMDataset
from mmseg_mammo.datasets.samplers import LesionSizeSampler
from mmseg_mammo.datasets.zgt import ZGTDataset

__all__ = ['CBISDDSMDataset', 'LesionSizeSampler', 'MammographyDataset', 'ZGTDataset']

"""Registered pipeline transforms."""

from mmseg_mammo.transforms.augmentation import RandomIntensity, RandomLesionAffine
from mmseg_mammo.transforms.clahe import MammoCLAHE
from mmseg_mammo.transforms.full_image import KeepFullImage
from mmseg_mammo.transforms.histogram import MatchHistogram
from mmseg_mammo.transforms.intensity import MapIntensity
from mmseg_mammo.transforms.lesion_crop import CropAroundLesion
from mmseg_mammo.transforms.loading import LoadLesionMask, LoadMammogram, ReadMammogram
from mmseg_mammo.transforms.packing import PackMammogram
from mmseg_mammo.transforms.prompts import LoadPrompts
from mmseg_mammo.transforms.resizing import ResizeMammogram
from mmseg_mammo.transforms.shrinking import ShrinkMammogram

__all__ = [
    'CropAroundLesion',
    'KeepFullImage',
    'LoadLesionMask',
    'LoadMammogram',
    'LoadPrompts',
    'MammoCLAHE',
    'MapIntensity',
    'MatchHistogram',
    'PackMammogram',
    'RandomIntensity',
    'RandomLesionAffine',
    'ReadMammogram',
    'ResizeMammogram',
    'ShrinkMammogram',
]

"""ZGT data set: private digital mammograms of one hospital, for tests of transfer."""

from mmseg.registry import DATASETS

from mmseg_mammo.datasets.base import MammographyDataset


@DATASETS.register_module()
class ZGTDataset(MammographyDataset):
    """Ziekenhuis Groep Twente, prepared by ``tools/prepare_hospital.py``; test only.

    Dataset features: digital mammograms of 2013–2020; 206 images annotated by a radiologist,
    97 of them without any lesion. Private: not distributed. Any hospital's images prepared in
    the same way can stand in its place (``docs/new_hospital.md``).

    Splits: ``test`` only. No training, tuning or model selection happens on it.

    Cite M. Bronkhorst, Mammography segmentation using visual prompts and few samples,
    University of Twente (2024).
    """

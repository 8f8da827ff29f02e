"""ZGT data set: private digital mammograms of one hospital, for tests of transfer."""

from mmseg.registry import DATASETS

from mmseg_mammo.datasets.base import MammographyDataset


@DATASETS.register_module()
class ZGTDataset(MammographyDataset):
    """Ziekenhuis Groep Twente, prepared by ``mammoseg prepare``; test only.

    Dataset features:

    * digital mammograms of 2013–2020: 84,299 images of 15,991 patients
    * 206 images annotated by a radiologist, 97 of them without any lesion

    Dataset format:

    * ``index.csv``, as ``docs/data.md`` describes it
    * images: grey PNG files; masks: PNG files of 8 bits
    * any hospital's images prepared in the same way can stand in its place
      (``docs/new_hospital.md``)

    Dataset classes:

    * 0: background
    * 1: lesion

    Dataset splits:

    * ``test`` only: no training, tuning or model selection happens on it

    Dataset licence:

    * private, not distributed

    Dataset citation:

    * M. Bronkhorst, Mammography segmentation using visual prompts and few samples, University of
      Twente (2024)
    """

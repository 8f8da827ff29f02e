"""CBIS-DDSM data set: public, scanned film, a lesion in every image."""

from mmseg.registry import DATASETS

from mmseg_mammo.datasets.base import MammographyDataset


@DATASETS.register_module()
class CBISDDSMDataset(MammographyDataset):
    """Curated Breast Imaging Subset of DDSM, prepared by ``mammoseg prepare-cbis``.

    Dataset features:

    * 1,566 patients, 3,103 full-image series of 3,032 views with 3,568 abnormalities
    * scanned film of 16 bits, CC and MLO
    * masses and calcifications, benign and malignant
    * no image without a lesion: a model trained on it alone has never seen that nothing is there

    Dataset format:

    * ``index.csv``, as ``docs/data.md`` describes it, with ``source`` ``cbis-ddsm``
    * images: grey PNG files of 16 bits, 8 if made from the JPEG mirror; masks: PNG files of 8 bits
    * before its preparation: DICOM files and four CSV files, in the layouts of
      ``docs/cbis_ddsm.md``

    Dataset classes:

    * 0: background
    * 1: lesion, the union of all masks of an image; ``finding`` of the index tells masses from
      calcifications

    Dataset splits:

    * ``train`` and ``test``: the official ones; the 31 patients in both leave ``train``
    * ``val``: taken out of ``train`` by patient

    Dataset licence:

    * CC BY 3.0

    Dataset citation:

    * R. Lee et al., Scientific Data 4, 170177 (2017), doi:10.1038/sdata.2017.177
    """

"""CBIS-DDSM data set: public, scanned film, a lesion in every image."""

from mmseg.registry import DATASETS

from mmseg_mammo.datasets.base import MammographyDataset


@DATASETS.register_module()
class CBISDDSMDataset(MammographyDataset):
    """Curated Breast Imaging Subset of DDSM, prepared by ``tools/prepare_cbis_ddsm.py``.

    Dataset features: 1,566 patients, 3,103 full-image series of 3,032 views with 3,568
    abnormalities; scanned film, 16 bit, CC and MLO; masses and calcifications, benign and
    malignant. No image without a lesion: a model trained on it alone has never seen that
    nothing is there.

    Splits: the official train and test sets; ``val`` is taken out of train by patient.

    Licence: CC BY 3.0. Cite R. Lee et al., Scientific Data 4, 170177 (2017),
    doi:10.1038/sdata.2017.177.
    """

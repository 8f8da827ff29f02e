"""Image labels: whether the image of a sample has a lesion, as far as anybody knows."""

from mmseg.structures import SegDataSample

_OF_INDEX = {'lesion': 1.0, 'normal': 0.0}
IGNORED = 255


def image_label(sample: SegDataSample) -> float | None:
    """1 for an image with a lesion, 0 for one without, None where it is not known.

    The index says so where the sample has the metainfo ``annotated``: a lesion that nobody outlined
    counts, and so does one that augmentation moved out of the picture. A sample without it, as of
    another data set, has the label of its true mask; pixels of 255 say nothing.

    Nor is anything known of an image that says ``trains_presence=False``: its source has one label.

    Args:
        sample: With ``annotated`` or ``gt_sem_seg``.
    """
    if sample.metainfo.get('trains_presence') is False:
        return None
    said = sample.metainfo.get('annotated')
    if said is not None:
        return _OF_INDEX.get(said)
    if 'gt_sem_seg' not in sample:
        return None
    truth = sample.gt_sem_seg.data
    if (truth == 1).any():
        return 1.0
    return 0.0 if (truth != IGNORED).any() else None

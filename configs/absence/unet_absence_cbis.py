"""U-Net by the strong recipe, with a head that says whether there is a lesion at all.

Train:   python tools/train.py configs/absence/unet_absence_cbis.py [--side 512]
Test:    python tools/test.py configs/absence/unet_absence_cbis.py CHECKPOINT [--dataset zgt] [--side 512]
Needs:   data/cbis_ddsm (docs/cbis_ddsm.md) with its cuts, data/cbis_sides and data/cbis_windows (docs/absence.md).
"""

_base_ = ['../_base_/models/presence_unet.py', '../_base_/absence.py']

model = dict(decode_head=_base_.normals_head)

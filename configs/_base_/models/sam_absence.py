"""SAM with ViT-L that says whether there is a lesion where it is asked: 312,474,929 trained."""

_base_ = './sam.py'

# Half of the images with a lesion are also asked about their breast beside it.
model = dict(object_score=dict(background_share=0.5, background_in='breast'))

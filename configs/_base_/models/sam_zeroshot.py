"""SAM as Meta trained it: nothing is trained."""

_base_ = './sam.py'

model = dict(trainable='')

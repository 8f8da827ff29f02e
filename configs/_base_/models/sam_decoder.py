"""SAM with its decoder alone trained: 4,058,340 trained."""

_base_ = './sam.py'

# The encoder never changes: each image is encoded once, 4 MiB on disk.
model = dict(trainable=r'^mask_decoder\.', embedding_cache='work_dirs/sam_embeddings')

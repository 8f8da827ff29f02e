"""SETR-FT with the model split over the GPUs (FSDP); the pattern for any other experiment.

Train:   tools/dist_train.sh configs/tuning/setr_pup_finetune_fsdp_cbis.py 4
Test:    python tools/test.py configs/setr_pup_finetune_cbis.py CHECKPOINT [--dataset zgt]
Needs:   as setr_pup_finetune_cbis.
"""

_base_ = ['../setr_pup_finetune_cbis.py', '../_base_/strategies/fsdp.py']

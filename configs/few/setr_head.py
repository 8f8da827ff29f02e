"""Few samples: a new head on the frozen ViT of a SETR, which it reads at four blocks and two sizes.

Train:   python tools/train.py few/setr_head --from CHECKPOINT --data FOLDER
Test:    python tools/test.py work_dirs/setr_head/best.pth
Needs:   a checkpoint of a SETR, and a prepared folder (docs/few_samples.md).
The ViT is frozen and in eval mode, with prompts that it has. The head is the strongest that frozen
features have here, so that prompts are measured by more than a straw man.
"""

_base_ = '../_base_/schedules/few.py'

tuning = dict(
    starts=('setr',),
    readout=dict(blocks=4, scales=(1.0, 2.0), channels=128),
    new=(r'^decode_head\.',),
    replaced=(r'^decode_head\.',),
)

"""What configs of two stages share: the data of both stages, and what a candidate is.

Lengths, sides and settings of a stage: --cfg-options stages.finder.options.train_cfg.max_epochs=30
stages.finder.side=512. Ranking, keep rule and thresholds are chosen on the validation images.
"""

_base_ = ['./loaders/cbis_ddsm.py', './runtime.py']

model = dict(
    type='TwoStageSegmentor',
    # Peaks of the finder's map; how many are kept is chosen.
    candidates=dict(count=5),
    # Both stages have it: what the refiner is trained on, and what it is given.
    crop=dict(share=0.28, batch=16),
)
test_cfg = dict(type='TestLoop')

"""What configs of two stages share: the data of both stages, and what a candidate is.

Lengths, sides and settings of a stage: --cfg-options stages.finder.options.train_cfg.max_epochs=30
stages.finder.side=512. Ranking, keep rule and thresholds are chosen on the validation images.
"""

_base_ = ['./loaders/cbis_ddsm.py', './runtime.py']

model = dict(
    type='TwoStageSegmentor',
    # At most five peaks of the finder's map, a tenth of the image's long side apart. A lesion that
    # it misses is among its faint peaks. How many are kept is chosen.
    candidates=dict(count=5, min_score=1e-4, distance=0.1),
    # Both stages have it: what the refiner is trained on, and what it is given. The crop is twice as
    # wide as the region at a peak, or as a lesion, but no narrower than the share.
    crop=dict(share=0.28, factor=2.0, batch=16),
)
test_cfg = dict(type='TestLoop')

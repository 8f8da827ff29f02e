"""Everything that is the same for every experiment."""

custom_imports = dict(imports=['mmseg_mammo'], allow_failed_imports=False)
default_scope = 'mmseg'
env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
# deterministic=True: docs/training.md, Determinism.
randomness = dict(seed=0, deterministic=False)
# Batch norm counts over all GPUs of a distributed training; nothing changes on a single one.
sync_bn = 'torch'
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=20, log_metric_by_epoch=True),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # The last checkpoint and the best one by lesion Dice; both can be tested.
    checkpoint=dict(
        type='ResumableCheckpointHook',
        interval=1,
        max_keep_ckpts=1,
        save_best='lesion_dice',
        rule='greater',
    ),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='SegVisualizationHook'),
    # A line per epoch; everything=True shows all that goes to the log file.
    console=dict(type='ConsoleHook'),
)
custom_hooks = [
    # On CPUs batch norm counts in each process alone; else each would validate another model.
    dict(type='SyncAllBuffersHook'),
    dict(type='EpochSeedHook'),
    dict(type='ProspectsHook'),
    dict(type='ParameterCountHook'),
    dict(type='RunRecordHook'),
    dict(type='CheckpointGuardHook'),
    dict(type='PerImageCSVHook'),
    dict(type='OverlayHook', count=12, seed=0),
    dict(type='ViewerHook', long_side=384),
    dict(type='CurvesHook'),
]
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='SegLocalVisualizer', vis_backends=vis_backends, name='visualizer')
# The loss of training steps is a mean of the last ten in the log; no score of a validation is.
log_processor = dict(
    by_epoch=True,
    mean_pattern=r'^(?!(val/)?val_)(.*[./])?(loss|time|data_time|grad_norm)',
)
log_level = 'INFO'
load_from = None
resume = False

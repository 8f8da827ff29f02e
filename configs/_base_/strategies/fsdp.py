"""The model, its gradients and its optimiser's state split over the GPUs (PyTorch's FSDP).

For models that do not fit on one GPU, at the price of more traffic between them.
"""

runner_type = 'FlexibleRunner'
strategy = dict(
    type='FSDPStrategy',
    model_wrapper=dict(
        type='MMFullyShardedDataParallel',
        auto_wrap_policy=dict(type='shard_layers'),
        use_orig_params=True,
    ),
    # Checkpoints are whole, like any other's: every process gathers them, the first one writes.
    state_dict_cfg=dict(
        state_dict_type='FULL_STATE_DICT',
        state_dict_config=dict(type='FullStateDictConfig', rank0_only=False),
        optim_state_dict_config=dict(type='FullOptimStateDictConfig', rank0_only=False),
    ),
)

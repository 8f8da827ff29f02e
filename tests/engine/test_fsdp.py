"""What is split over processes and what is not; test_tools.py trains a split model."""

import logging

import pytest
import torch
import torch.distributed as dist
from experiments import CONFIGS, shrink
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.registry import FUNCTIONS
from mmseg.registry import HOOKS, MODELS
from torch.distributed.fsdp import FullyShardedDataParallel

from mmseg_mammo.errors import CheckpointError


def test_each_layer_of_the_vit_is_split_and_nothing_of_the_head(prepared, tmp_path):
    cfg = shrink('setr_pup_finetune_fsdp_cbis', prepared, tmp_path)
    policy = FUNCTIONS.get(cfg.strategy.model_wrapper.auto_wrap_policy.type)
    model = MODELS.build(cfg.model)
    split = {name for name, module in model.named_modules() if policy(module, False, 10**9)}
    assert split == {'backbone.layers.0', 'backbone.layers.1'}
    assert policy(model, True, 0)  # it looks inside everything


@pytest.mark.skipif(
    torch.__version__ < '2.4' and not torch.cuda.is_available(),
    reason='FSDP of torch before 2.4 is for GPUs only',
)
def test_small_checkpoints_of_a_split_model_are_refused(tmp_path):
    settings = Config.fromfile(CONFIGS / 'unet_cbis.py').default_hooks.checkpoint
    hook = HOOKS.build({**settings, 'save_trained_only': True})
    dist.init_process_group('gloo', store=dist.HashStore(), rank=0, world_size=1)
    try:
        runner = Stage(tmp_path)
        runner.model = FullyShardedDataParallel(torch.nn.Linear(2, 2), device_id=runner.device)
        with pytest.raises(CheckpointError, match='whole checkpoints'):
            hook.before_train(runner)
    finally:
        dist.destroy_process_group()


class Stage:
    """The parts of a runner that a checkpoint hook asks for."""

    device = torch.device('cpu')

    def __init__(self, work_dir):
        self.work_dir = str(work_dir)
        self.logger = logging.getLogger('stage')
        self.message_hub = MessageHub(f'sharding{id(self)}')

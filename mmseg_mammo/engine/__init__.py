"""Training and test engine: registered hooks and loops, checkpoints, and the parts of the tools."""

from mmseg_mammo.engine.few.held_out import HeldOutHook
from mmseg_mammo.engine.few.hook import StartHook
from mmseg_mammo.engine.few.stop import StopAtStepHook
from mmseg_mammo.engine.fsdp import shard_layers
from mmseg_mammo.engine.hooks.checkpoint import ResumableCheckpointHook
from mmseg_mammo.engine.hooks.checkpoint_guard import CheckpointGuardHook
from mmseg_mammo.engine.hooks.console import ConsoleHook
from mmseg_mammo.engine.hooks.curves import CurvesHook
from mmseg_mammo.engine.hooks.early_stopping import EarlyStopOnTrainingLossHook
from mmseg_mammo.engine.hooks.epoch_seed import EpochSeedHook
from mmseg_mammo.engine.hooks.no_hook import NoHook
from mmseg_mammo.engine.hooks.overlay import OverlayHook
from mmseg_mammo.engine.hooks.parameter_count import ParameterCountHook
from mmseg_mammo.engine.hooks.per_image_csv import PerImageCSVHook
from mmseg_mammo.engine.hooks.prospects import ProspectsHook
from mmseg_mammo.engine.hooks.raw_scores import RawScoresHook
from mmseg_mammo.engine.hooks.run_record import RunRecordHook
from mmseg_mammo.engine.hooks.sync_buffers import SyncAllBuffersHook
from mmseg_mammo.engine.hooks.viewer import ViewerHook
from mmseg_mammo.engine.loops import LossValLoop
from mmseg_mammo.engine.optim_constructor import KeepUnreachedConstructor
from mmseg_mammo.engine.optim_wrapper import BFloat16OptimWrapper
from mmseg_mammo.engine.presence.hook import PresenceThresholdHook
from mmseg_mammo.engine.speed.fused import FusedAdamW
from mmseg_mammo.engine.speed.hook import SpeedHook
from mmseg_mammo.engine.validation.one_by_one import OneByOneTestLoop, OneByOneValLoop

__all__ = [
    'BFloat16OptimWrapper',
    'CheckpointGuardHook',
    'ConsoleHook',
    'CurvesHook',
    'EarlyStopOnTrainingLossHook',
    'EpochSeedHook',
    'FusedAdamW',
    'HeldOutHook',
    'KeepUnreachedConstructor',
    'LossValLoop',
    'NoHook',
    'OneByOneTestLoop',
    'OneByOneValLoop',
    'OverlayHook',
    'ParameterCountHook',
    'PerImageCSVHook',
    'PresenceThresholdHook',
    'ProspectsHook',
    'RawScoresHook',
    'ResumableCheckpointHook',
    'RunRecordHook',
    'SpeedHook',
    'StartHook',
    'StopAtStepHook',
    'SyncAllBuffersHook',
    'ViewerHook',
    'shard_layers',
]

"""Registered hooks and loops, and what the command-line tools share."""

from mmseg_mammo.engine.buffers import SyncAllBuffersHook
from mmseg_mammo.engine.console import ConsoleHook
from mmseg_mammo.engine.hooks import CheckpointGuardHook, ParameterCountHook
from mmseg_mammo.engine.loops import LossValLoop
from mmseg_mammo.engine.no_hook import NoHook
from mmseg_mammo.engine.precision import BFloat16OptimWrapper
from mmseg_mammo.engine.prospects_hook import ProspectsHook
from mmseg_mammo.engine.raw_scores import RawScoresHook
from mmseg_mammo.engine.run_record import RunRecordHook
from mmseg_mammo.engine.saving import ResumableCheckpointHook
from mmseg_mammo.engine.seeding import EpochSeedHook
from mmseg_mammo.engine.sharding import shard_layers
from mmseg_mammo.engine.stopping import EarlyStopOnTrainingLossHook
from mmseg_mammo.engine.unreached import KeepUnreachedConstructor

__all__ = [
    'BFloat16OptimWrapper',
    'CheckpointGuardHook',
    'ConsoleHook',
    'EarlyStopOnTrainingLossHook',
    'EpochSeedHook',
    'KeepUnreachedConstructor',
    'LossValLoop',
    'NoHook',
    'ParameterCountHook',
    'ProspectsHook',
    'RawScoresHook',
    'ResumableCheckpointHook',
    'RunRecordHook',
    'SyncAllBuffersHook',
    'shard_layers',
]

"""Registered hooks, and what the command-line tools share."""

from mmseg_mammo.engine.hooks import CheckpointGuardHook, ParameterCountHook

__all__ = ['CheckpointGuardHook', 'ParameterCountHook']

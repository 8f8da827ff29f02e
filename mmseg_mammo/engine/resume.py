"""Resume check: tells whether a checkpoint continues the training that a config describes."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import get_world_size
from mmseg.registry import HOOKS

from mmseg_mammo.datasets.base import MammographyDataset
from mmseg_mammo.datasets.description import describe_data, members
from mmseg_mammo.engine.checkpoint import config_of
from mmseg_mammo.engine.config.differences import check_length
from mmseg_mammo.engine.config.image_steps import split_loading
from mmseg_mammo.engine.config.keys import RUNNER_KEYS
from mmseg_mammo.engine.config.overrides import default_of
from mmseg_mammo.engine.config.type_names import class_of, type_name, with_names
from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.io.run_folder import RUN
from mmseg_mammo.models.test_output import TestOutput

DATA = 'trained_on'  # what a checkpoint knows of its data, in ``meta``
# What a training is made of; other keys are for tests, logs and places, or copies of these.
_PARTS = (
    *('model', 'train_dataloader', 'val_dataloader', 'val_evaluator', 'train_cfg', 'val_cfg'),
    *('optim_wrapper', 'param_scheduler', 'randomness', 'default_hooks', 'custom_hooks'),
    *('auto_scale_lr', 'data_preprocessor', 'strategy'),
)
# The same result comes of any value.
_LOADING = ('num_workers', 'persistent_workers', 'pin_memory', 'prefetch_factor', 'timeout')
_HARMLESS = frozenset(
    (
        *(
            f'{loader}.{name}'
            for loader in ('train_dataloader', 'val_dataloader')
            for name in _LOADING
        ),
        *('val_dataloader.batch_size', 'val_dataloader.sampler.round_up'),
        *('train_cfg.max_epochs', 'train_cfg.max_iters'),  # check_length knows
        *('model.embedding_cache', 'strategy.model_wrapper.device_id'),
    )
)
# Of data sets: how pixels are kept and handed on; the model gets the same.
_FORMS = frozenset(('cache', 'one_channel', 'small_masks'))
_OF_THE_RUN = frozenset(
    ('work_dir', 'launcher', 'resume', 'load_from', 'device', 'experiment_name')
)
_PRETRAINED = (
    'pretrained',
    'pretrained_normalisation',
)  # the checkpoint holds what the file gave, or the file's fingerprint
# Learns and predicts as the other; checkpoints of earlier versions have that one.
_ALIKE = {'InputGridEncoderDecoder': 'EncoderDecoder'}
_PLACES = (
    'data_root',
    'ann_file',
    'data_prefix',
    'normal_sources',
)  # the hash of the index decides
# Hooks of the host that only write or show, and those of ours that do more. Any other of ours only
# writes or checks; any other of the host or of a user may change the result.
_WRITING = frozenset(
    (
        *('RuntimeInfoHook', 'IterTimerHook', 'LoggerHook', 'CheckpointHook', 'ProfilerHook'),
        *(
            'SegVisualizationHook',
            'MemoryProfilerHook',
            'EmptyCacheHook',
            'ResumableCheckpointHook',
        ),
    )
)
_CHANGING = (*('EpochSeedHook', 'SyncAllBuffersHook', 'EarlyStopOnTrainingLossHook', 'StartHook'),)


def refuse_another_training(runner: Any, checkpoint: Mapping[str, Any]) -> None:
    """Refuse to resume a training under a config or data that give another result; list the rest.

    Args:
        runner: About to go on from ``checkpoint``; its data sets are there.
        checkpoint: As mmengine saves it.

    Raises:
        CheckpointError: The model, the data, a pipeline, the optimiser, the schedule, the seed or
            a hook that changes the result differs.
    """
    trained = config_of(checkpoint)
    if trained is None:
        runner.logger.warning('The checkpoint has no config: resumed without comparing it')
        return
    check_length(trained, runner.cfg)
    known = data_of(checkpoint, Path(runner.work_dir))
    refused, listed = differences(trained, runner.cfg, bool(known))
    refused += data_differences(known, facts_of(runner))
    if refused:
        more = f'; and {len(refused) - 5} more' if len(refused) > 5 else ''
        raise CheckpointError(
            f'--resume: another training than that of the checkpoint: {"; ".join(refused[:5])}{more}',
            'the config, --side and --cfg-options that it began with',
            'For another training name another --work-dir, and load_from=CHECKPOINT to start from '
            'its weights',
        )
    for difference in listed:
        runner.logger.warning(f'Resumed with another setting: {difference}')


def differences(trained: Config, cfg: Config, data_known: bool) -> tuple[list[str], list[str]]:
    """The differences between two configs of trainings, by whether they change the result.

    Args:
        trained: Of the checkpoint.
        cfg: The present one.
        data_known: Whether the data themselves are compared, so that folders need not agree.

    Returns:
        Phrases such as ``train_dataloader.batch_size is 4, was 16``: of settings that change the
        result, and of those that do not.
    """
    refused: list[str] = []
    listed: list[str] = []
    for key in sorted(RUNNER_KEYS & {*trained, *cfg} - _OF_THE_RUN):
        one, other = _part(trained, key), _part(cfg, key)
        for path, before, now in _pairs(key, one, other):
            if key in ('default_hooks', 'custom_hooks'):
                name = path.split('.')[1]
                harmless = all(only_writes(hooks[name]) for hooks in (one, other) if name in hooks)
            else:
                harmless = key not in _PARTS or _is_harmless(path, data_known)
            phrase = f'{path} is {_short(now)}, was {_short(before)}'
            (listed if harmless else refused).append(phrase)
    return refused, listed


def only_writes(hook: Mapping[str, Any]) -> bool:
    """Whether a hook of a config is known to leave the course of a training alone."""
    name = type_name(hook.get('type'))
    module = getattr(class_of(name, HOOKS), '__module__', '')
    return name in _WRITING or (module.startswith('mmseg_mammo.') and name not in _CHANGING)


def _part(cfg: Config, key: str) -> Any:
    value = split_loading(with_names(cfg.get(key)))  # of earlier versions
    if key == 'model' and isinstance((value or {}).get('test_output'), dict):
        value = {**value, 'test_output': _changed(value['test_output'])}
    if key == 'custom_hooks':
        hooks = [hook for hook in value or [] if isinstance(hook, dict)]
        types = [hook.get('type') for hook in hooks]
        again = [types[:index].count(kind) for index, kind in enumerate(types)]
        value = {f'{k}{n or ""}': h for k, n, h in zip(types, again, hooks, strict=True)}
    if key in ('custom_hooks', 'default_hooks'):  # switched off is left out
        return {
            n: hook for n, hook in (value or {}).items() if hook and hook.get('type') != 'NoHook'
        }
    return value


def _changed(output: Mapping[str, Any]) -> dict[str, Any] | None:
    """``test_output`` but for what a hook chooses after each validation, and what is as usual; None if that is all."""
    usual = vars(TestOutput())
    changed = {k: v for k, v in output.items() if k not in usual or v != usual[k]}
    return {k: v for k, v in changed.items() if not k.startswith('presence_')} or None


def _pairs(path: str, before: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, dict) and isinstance(now, dict):
        kind, other = (side.get('type', '') for side in (before, now))
        if _ALIKE.get(kind, kind) != _ALIKE.get(other, other):
            yield f'{path}.type', kind, other
            return
        for key in sorted({*before, *now} - {'type'}):
            # What is left out has its default.
            default = None if key in before and key in now else with_names(default_of(other, key))
            yield from _pairs(f'{path}.{key}', before.get(key, default), now.get(key, default))
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        numbers = all(not isinstance(item, (dict, list)) for item in (*before, *now))
        if numbers and before != now:
            yield path, before, now
        elif not numbers:
            for index, (old, new) in enumerate(zip(before, now, strict=True)):
                yield from _pairs(f'{path}.{index}', old, new)
    elif before != now:
        yield path, before, now


def _is_harmless(path: str, data_known: bool) -> bool:
    parts = path.split('.')
    return (
        path in _HARMLESS
        or parts[-1] in _PRETRAINED
        or (parts[0].endswith('_dataloader') and not _FORMS.isdisjoint(parts))
        or (data_known and any(part in _PLACES for part in parts))
    )


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else f'{text[:77]}…'


def facts_of(runner: Any) -> dict[str, Any]:
    """Facts on the data of a training: hashes of the indices, image counts, number of processes."""
    loops = {'train': runner.train_loop, 'val': runner.val_loop}
    sets = {name: loop.dataloader.dataset for name, loop in loops.items() if loop}
    found = {
        name: _identity(describe_data(one))
        for name, one in sets.items()
        if all(isinstance(member, MammographyDataset) for member in members(one))
    }
    return {**found, 'processes': get_world_size()}


def _identity(data: Mapping[str, Any]) -> Any:
    if 'members' in data:
        return [_identity(member) for member in data['members']]
    more = {'normal_sources': [one['index_sha256'] for one in data.get('normal_sources', ())]}
    kept = more if data.get('normal_sources') else {}
    return {**{name: data.get(name) for name in ('index_sha256', 'images')}, **kept}


def data_of(checkpoint: Mapping[str, Any], work_dir: Path) -> dict[str, Any]:
    """What is known of the data of a checkpoint, from itself or from ``run.json`` beside it."""
    known = checkpoint.get('meta', {}).get(DATA)
    if known:
        return dict(known)
    for path in sorted(work_dir.glob(f'*/{RUN}'), reverse=True):
        try:
            record = json.loads(path.read_text())
            if record['mode'] == 'train':
                data = {name: _identity(found) for name, found in record['data'].items()}
                return {**data, 'processes': record['processes']}
        except (OSError, ValueError, KeyError, AttributeError):
            continue  # of another version, or cut off
    return {}


def data_differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Phrases for what is known of the data and differs; see :func:`facts_of`."""
    found = []
    for name in sorted({*before} & {*now}):
        if before[name] != now[name] and name == 'processes':
            found.append(f'{now[name]} processes, were {before[name]}')
        elif before[name] != now[name]:
            found.append(f'the images of {name} are others, or their index has changed')
    return found

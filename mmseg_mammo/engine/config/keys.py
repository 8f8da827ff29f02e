"""Config keys: find top-level keys that nothing reads, and their likely spelling."""

import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any

from mmengine.config import Config
from mmengine.runner import FlexibleRunner, Runner

from mmseg_mammo.errors import MammoError

# What the runners, the tools of the host and those of this package read beside the arguments of a runner.
_MORE = (
    *('custom_imports', 'runner_type', 'device', 'tta_model', 'tta_pipeline', 'compile'),
    *('sync_bn', 'model_wrapper_cfg', 'find_unused_parameters', 'activation_checkpointing'),
    *('efficient_conv_bn_eval', 'init_weights_for_test_or_val'),
    'stages',  # of a training of two stages
    'tuning',  # of one that starts from a checkpoint
)
RUNNER_KEYS = frozenset(
    {
        name
        for runner in (Runner, FlexibleRunner)
        for name in inspect.signature(runner.__init__).parameters
    }
    - {'self', 'cfg'}
    | {*_MORE}
)


def distance(one: str, other: str) -> int:
    """Edit distance: letters inserted, removed, replaced, or swapped with a neighbour."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, mine in enumerate(one, start=1):
        previous, before, row = before, row, [i]
        for j, theirs in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (mine != theirs))
            if i > 1 and j > 1 and mine == other[j - 2] and theirs == one[i - 2]:
                cost = min(cost, previous[j - 2] + 1)
            row.append(cost)
    return row[-1]


def near_names(name: str, names: Iterable[str]) -> list[str]:
    """The ``names`` within two letters of ``name``, the nearest first.

    Names of four letters and less have to be within one: any two of them are alike.
    """
    found = {other: distance(name, other) for other in names if abs(len(other) - len(name)) <= 2}
    allowed = {other: 1 if min(len(name), len(other)) <= 4 else 2 for other in found}
    return sorted((n for n in found if found[n] <= allowed[n]), key=lambda n: (found[n], n))


def is_used(cfg: Config, key: str) -> bool:
    """Whether the files of ``cfg`` use its top-level key ``key`` for something else.

    A key counts as used where its name stands anywhere in the text but at its own definition,
    comments and docstrings left out; or where the config holds an equal list or dict elsewhere.
    """
    text = re.sub(r'("""|\'\'\').*?\1|#[^\n]*', '', cfg.text or '', flags=re.DOTALL)
    name = re.escape(key)
    defined = re.findall(rf'^\s*["\']?{name}["\']?\s*(?::[^=\n]*)?=(?!=)', text, re.MULTILINE)
    # Those of JSON may stand in one line, and are never used as a variable.
    start = r'(?:^|[{,])' if str(cfg.filename).endswith('.json') else '^'
    defined += re.findall(rf'{start}\s*["\']?{name}["\']?\s*:(?![^\n]*=)', text, re.MULTILINE)
    return len(re.findall(rf'\b{name}\b', text)) > len(defined) or bool(copy_paths(cfg, key))


def copy_paths(cfg: Config, key: str) -> list[str]:
    """The paths that a runner reads where a list or dict equal to the one under ``key`` stands."""
    value = cfg[key]
    if not isinstance(value, (dict, list, tuple)) or not value:
        return []
    return [path for path, found in paths(cfg) if '.' in path and is_same(found, value)]


def is_same(one: Any, other: Any) -> bool:
    """Whether two values of a config are equal and of one kind."""
    return type(one) is type(other) and one == other


def paths(cfg: Config) -> Iterator[tuple[str, Any]]:
    """Every path below the keys that a runner reads, as ``--cfg-options`` has it, and its value."""
    for key in cfg:
        if key in RUNNER_KEYS:
            yield from _settings_below(key, cfg[key])


def _settings_below(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    yield path, value
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _settings_below(f'{path}.{key}', child)
    elif isinstance(value, (list, tuple)):
        for index, child in enumerate(value):
            yield from _settings_below(f'{path}.{index}', child)


def check_keys(cfg: Config) -> None:
    """Refuse a top-level key that nothing uses and that nearly spells a key of the runner.

    Every other variable is legal, as configs of MMSegmentation have them.

    Raises:
        MammoError: ``train_dataloder``, and the like.
    """
    imported = getattr(cfg, '_imported_names', ())  # of a pure-Python config
    for key in cfg:
        close = [] if key in RUNNER_KEYS or key in imported else near_names(key, RUNNER_KEYS)
        if close and not is_used(cfg, key):
            raise MammoError(
                f'{cfg.filename}: nothing reads the key {key}',
                f'{" or ".join(close)}, or a name less like it for a variable of your own',
                'Correct the name',
            )

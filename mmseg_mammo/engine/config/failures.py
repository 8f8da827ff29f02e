"""Failures of the host: says what of a config it was building when an error came."""

import traceback

from mmseg_mammo.engine.config.load import first_line
from mmseg_mammo.engine.config.type_names import type_name


def what_failed(error: BaseException) -> str:
    """A line about an error that came while the host was building; empty if it was not building."""
    built = _what_was_built(error)
    return built and (
        f'{built} of the config cannot be built or read: {type(error).__name__}: '
        f'{first_line(error)}. Correct it; MMSEG_MAMMO_TRACEBACK=1 shows where it fails'
    )


def _what_was_built(error: BaseException) -> str:
    found = ''
    for frame, _ in traceback.walk_tb(error.__traceback__):
        name = frame.f_code.co_name
        if 'mmengine' not in frame.f_code.co_filename:
            continue
        if name == 'build_from_cfg':
            kind = frame.f_locals.get('obj_type', (frame.f_locals.get('cfg') or {}).get('type'))
            found = type_name(kind) or found or 'something without a type'
        elif name in ('from_cfg', 'load_checkpoint') or name.startswith('build_'):
            named = {'from_cfg': 'the runner', 'load_checkpoint': 'load_from'}
            found = found or named.get(name, name.removeprefix('build_'))
    return found

"""Stage configs: the settings of a trained model as a part of another, whose checkpoint has its weights."""

import copy
from collections.abc import Mapping
from typing import Any

from mmengine.config import ConfigDict


def without_files(settings: Any) -> Any:
    """A copy of a model's settings that names no file of weights: both stages are in the checkpoint."""
    if isinstance(settings, Mapping):
        found = {key: without_files(value) for key, value in settings.items()}
        for name in ('pretrained', 'embedding_cache'):
            if found.get(name) is not None:
                found[name] = None
        init = found.get('init_cfg')
        if isinstance(init, Mapping) and init.get('type') == 'Pretrained':
            found['init_cfg'] = None
        return ConfigDict(found)  # mmseg reads some settings as attributes
    if isinstance(settings, (list, tuple)):
        return type(settings)(without_files(value) for value in settings)
    return copy.deepcopy(settings)

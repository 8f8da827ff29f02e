"""Options of MMSegmentation's data sets that would have no effect here: they are refused."""

from collections.abc import Mapping
from typing import Any

from mmseg_mammo.errors import MammoError

# Options of mmseg's datasets that an index leaves no use for, and the values that mean nothing.
_UNHEEDED: dict[str, tuple[Any, ...]] = {
    'reduce_zero_label': (False, None),
    'ignore_index': (255,),
    'img_suffix': ('.jpg',),
    'seg_map_suffix': ('.png',),
    'filter_cfg': (None, {}),
}


def refuse_unheeded(name: str, options: Mapping[str, Any]) -> None:
    """Refuse options of mmseg's base class that would have no effect.

    Args:
        name: Of the dataset class.
        options: By name.

    Raises:
        MammoError: One has another value than its default.
    """
    for key, defaults in _UNHEEDED.items():
        if key in options and options[key] not in defaults:
            raise MammoError(
                f'{key}={options[key]!r} of {name}',
                'what the index says: it names every file, and masks are 0 and 1',
                f'Take {key} out of the config',
            )

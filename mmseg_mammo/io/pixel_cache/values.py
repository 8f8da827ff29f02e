"""Values: plain data as JSON that comes back exactly, tuples as tuples. Pure functions."""

import json
from typing import Any

_TUPLE = '()'  # the only key of an object that stands for a tuple
_PLAIN = (str, int, float, bool, type(None))


def to_json(value: Any) -> bytes | None:
    """JSON of plain data that :func:`from_json` gives back exactly; None if there is none.

    Args:
        value: Texts, numbers, truth values and None, in dicts with texts as keys, lists and tuples.

    >>> to_json({'shape': (2, 3)}), to_json({1}), to_json({1: 'a'})
    (b'{"shape":{"()":[2,3]}}', None, None)
    """
    try:
        text = json.dumps(_marked(value), separators=(',', ':'), allow_nan=False)
    except (TypeError, ValueError):
        return None
    return text.encode()


def from_json(data: bytes) -> Any:
    """The value that :func:`to_json` was given.

    >>> from_json(b'{"shape":{"()":[2,3]}}')
    {'shape': (2, 3)}
    """
    return json.loads(data, object_hook=_unmarked)


def _marked(value: Any) -> Any:
    if type(value) in _PLAIN:
        return value
    if type(value) is tuple:
        return {_TUPLE: [_marked(item) for item in value]}
    if type(value) is list:
        return [_marked(item) for item in value]
    if type(value) is dict and _TUPLE not in value and all(type(key) is str for key in value):
        return {key: _marked(item) for key, item in value.items()}
    raise TypeError(f'{type(value).__name__} is not kept exactly')


def _unmarked(found: dict[str, Any]) -> Any:
    return tuple(found[_TUPLE]) if _TUPLE in found else found

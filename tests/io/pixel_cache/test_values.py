import pytest

from mmseg_mammo.io.pixel_cache.values import from_json, to_json


@pytest.mark.parametrize(
    'value',
    [
        {'a': (1, 2.5, ('x', None)), 'b': [True, {'c': ()}], 'ä': ''},
        (0.1 + 0.2, 1e-300, -(2**60)),
        [],
    ],
)
def test_plain_data_come_back_exactly(value):
    found = from_json(to_json(value))

    assert repr(found) == repr(value)


@pytest.mark.parametrize('value', [{1: 'a'}, {1}, float('nan'), object(), {'()': 1}, b'x'])
def test_what_json_would_change_is_not_kept(value):
    assert to_json({'value': value} if not isinstance(value, dict) else value) is None

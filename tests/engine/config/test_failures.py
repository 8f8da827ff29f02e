"""What the host was building is named; errors that came elsewhere are not explained."""

import re

import pytest
from mmseg.registry import HOOKS, MODELS

from mmseg_mammo.engine.config.failures import what_failed


@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        (
            {'type': 'UNett'},
            'UNett of the config cannot be built or read: KeyError: UNett is not in',
        ),
        ({'type': 'UNet', 'base_chanels': 4}, "UNet of the config .*'base_chanels'"),
    ],
)
def test_what_the_host_was_building_is_named(settings, said):
    with pytest.raises(Exception, match=r'.') as failed:
        MODELS.build(settings)
    assert re.match(said, what_failed(failed.value))


def test_something_without_a_type():
    with pytest.raises(TypeError) as failed:
        HOOKS.build({'type': None})
    assert what_failed(failed.value).startswith('something without a type of the config')


def test_an_error_from_elsewhere_is_not_explained():
    with pytest.raises(KeyError) as failed:
        {}['a']
    assert what_failed(failed.value) == ''

import pytest

from mmseg_mammo.datasets.unheeded import refuse_unheeded
from mmseg_mammo.errors import MammoError


def test_what_means_nothing_is_taken_and_all_else_refused():
    refuse_unheeded('Set', {'ignore_index': 255, 'filter_cfg': None, 'indices': 3})
    with pytest.raises(MammoError, match=r'img_suffix=.*of Set'):
        refuse_unheeded('Set', {'img_suffix': '.tif'})

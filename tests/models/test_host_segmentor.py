"""What mmseg gives to a segmentor and reads of it."""

import pytest
from mmseg.models.builder import build_segmentor
from mmseg.models.segmentors import BaseSegmentor
from mmseg.registry import MODELS
from sam_models import our_config

from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.host_segmentor import HostSegmentor


def test_it_takes_and_names_what_the_hosts_segmentors_do():
    """mmseg's build_segmentor and init_model give train_cfg and test_cfg; metrics ask for channels."""
    model = build_segmentor(our_config(), train_cfg={}, test_cfg=dict(mode='whole'))
    assert (model.num_classes, model.out_channels, model.align_corners) == (2, 2, False)
    assert (model.train_cfg, model.test_cfg) == ({}, {'mode': 'whole'})
    with pytest.raises(MammoError, match=r"test_cfg=\{'mode': 'slide'"):
        MODELS.build(our_config(test_cfg=dict(mode='slide', crop_size=(32, 32), stride=(16, 16))))


@pytest.mark.parametrize('given', [None, {}, dict(mode='whole')])
def test_a_test_on_the_whole_image_may_be_asked_for_or_not(given):
    model = MODELS.build(our_config(test_cfg=given))
    assert isinstance(model, HostSegmentor)
    assert isinstance(model, BaseSegmentor)
    assert model.test_cfg == given


@pytest.mark.parametrize('given', [dict(mode='slide'), dict(mode='whole', stride=8), dict(rcnn=1)])
def test_any_other_test_is_refused_by_name_and_left_as_it_was(given):
    before = dict(given)
    with pytest.raises(MammoError, match=r'test_cfg=.* of SAMSegmentor\. Allowed: .*whole.*Take'):
        MODELS.build(our_config(test_cfg=given))
    assert given == before

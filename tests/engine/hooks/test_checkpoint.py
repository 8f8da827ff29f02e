"""Which checkpoint is the best one follows from what the metric declares of its scalars."""

import pytest

from mmseg_mammo.engine.hooks.checkpoint import ResumableCheckpointHook
from mmseg_mammo.errors import MammoError


@pytest.mark.parametrize(
    ('name', 'rule'),
    [
        ('lesion_dice', 'greater'),
        ('lesion_hausdorff95', 'less'),
        ('mine/false_positives_per_image', 'less'),
        ('raw_lesion_candidate_0_iou', 'greater'),
        ('val_loss', 'less'),  # by its name, as mmengine does
    ],
)
def test_the_rule_follows_from_the_score(name, rule):
    assert ResumableCheckpointHook(save_best=name).rules == [rule]
    assert ResumableCheckpointHook(save_best=name, rule=rule).rules == [rule]


def test_each_of_several_scores_has_its_own_rule():
    names = ['lesion_dice', 'lesion_hausdorff95', 'val_loss']
    hook = ResumableCheckpointHook(save_best=names, rule=[None, 'less', 'less'])
    assert hook.rules == ['greater', 'less', 'less']
    with pytest.raises(MammoError, match=r'rule=.greater. with save_best=.lesion_hausdorff95'):
        ResumableCheckpointHook(save_best=names[:2], rule='greater')


@pytest.mark.parametrize(('name', 'rule'), [('dice', 'less'), ('chosen_iou_ece', 'greater')])
def test_a_rule_that_keeps_the_worst_is_refused(name, rule):
    with pytest.raises(MammoError, match=r"is better\. Allowed: rule='.*'\. Set default_hooks"):
        ResumableCheckpointHook(save_best=name, rule=rule)


@pytest.mark.parametrize('name', ['images', 'predict_nothing_dice', 'chosen_iou_bias'])
def test_a_scalar_without_a_best_value_is_refused(name):
    with pytest.raises(MammoError, match=f'save_best={name!r}: no value of it is better'):
        ResumableCheckpointHook(save_best=name)


def test_no_or_any_first_score_is_left_to_mmengine():
    assert ResumableCheckpointHook().save_best is None
    assert ResumableCheckpointHook(save_best='auto', rule='greater').rules == ['greater']
    with pytest.raises(KeyError, match='rule must be'):
        ResumableCheckpointHook(save_best='colour', rule='odd')

"""Choice on validation: what is chosen, and what is said where nothing can be."""

import numpy as np
import pytest
import torch

from mmseg_mammo.engine.config.test_output import (
    threshold_of,
    trained_threshold,
    use_test_output,
)
from mmseg_mammo.engine.two_stage import choice
from mmseg_mammo.engine.two_stage.choice import Seen, check_choice, choose
from mmseg_mammo.engine.two_stage.joined import build_joined, joined_config
from mmseg_mammo.engine.two_stage.ranking import count_pixels
from mmseg_mammo.errors import MammoError
from mmseg_mammo.models.two_stage.candidates import Candidate


@pytest.fixture
def model(parts, trained):
    """The joined model, before anything is chosen."""
    cfg, stages = parts
    files = {name: trained[1] / name / 'best.pth' for name in stages}
    return build_joined(joined_config(cfg, **stages), stages, files)


def candidate(finder, presence, highest, **more):
    return Candidate(5, 5, finder, (0, 0, 8, 8), presence, highest, torch.empty(0), **more)


def seen(lesion, *candidates, hits=None):
    """An image with a lesion in its first pixels, or none, that each candidate marks."""
    truth = np.zeros((8, 8), bool)
    truth[:2] = lesion
    maps = [np.where(truth | (not lesion), 0.9, 0.0) for _ in candidates]
    found = np.zeros(len(candidates), bool) if hits is None else np.array(hits)
    who = f'{np.random.default_rng().integers(10**9)}'
    meta = {'annotated': 'lesion' if lesion else 'normal', 'source': 's', 'patient_id': who}
    return Seen(meta, candidates, found, count_pixels(maps, truth))


def test_what_was_chosen_stands_in_the_config(model, parts, monkeypatch):
    """Presence tells hits from others; normal images close the threshold of presence."""
    images = [
        seen(True, candidate(0.6, 0.9, 0.9), candidate(0.7, 0.1, 0.9), hits=[True, False]),
        seen(False, candidate(0.6, 0.1, 0.9)),
    ] * 30
    images = [seen_again(one) for one in images]
    monkeypatch.setattr(choice, '_look', lambda *_: images)
    facts = choose(model, parts[1]['finder'])
    cfg = model.cfg
    assert facts['ranking']['weights'][1] > abs(facts['ranking']['weights'][0])
    assert cfg.model.ranking == facts['ranking']
    assert cfg.model.keep == facts['keep']
    assert cfg.model.keep.threshold == cfg.test_evaluator.threshold == threshold_of(cfg)
    assert threshold_of(cfg) == trained_threshold(cfg)
    use_test_output(cfg, 0.25)
    assert (threshold_of(cfg), trained_threshold(cfg)) == (0.25, facts['keep']['threshold'])
    assert (facts['dice'], facts['lesion_dice']) == (100, 100)
    assert (facts['lesion'], facts['normal'], facts['hits']) == (30, 30, 30)
    assert facts['keep']['min_score'] > 0
    assert facts['presence']['auroc'] == 1
    assert cfg.model.test_output.presence_threshold == facts['presence']['presence_threshold']


def seen_again(one):
    """The same image of another patient."""
    who = f'{np.random.default_rng().integers(10**9)}'
    return Seen({**one.meta, 'patient_id': who}, one.candidates, one.hits, one.counted)


def test_candidates_that_are_all_hits_teach_no_ranking(model, parts, monkeypatch):
    images = [seen(True, candidate(0.6, 0.9, 0.9), hits=[True])] * 3
    monkeypatch.setattr(choice, '_look', lambda *_: images)
    facts = choose(model, parts[1]['finder'])
    assert facts['ranking'] is None
    assert facts['presence'] is None  # no normal images
    assert 'test_output' not in model.cfg.model


def test_a_candidate_that_the_refiner_closes_is_not_kept(model, parts, monkeypatch):
    images = [
        seen(True, candidate(0.6, 0.9, 0.9), hits=[True]),
        seen(False, candidate(0.9, 0.9, 0.9, closed=True)),
    ]
    monkeypatch.setattr(choice, '_look', lambda *_: images)
    assert choose(model, parts[1]['finder'])['dice'] == 100


def test_images_whose_lesion_nobody_outlined_do_not_count(model, parts, monkeypatch):
    label = Seen({'annotated': 'lesion'}, (candidate(0.6, 0.9, 0.9),), np.zeros(1, bool), None)
    outlined = seen(True, candidate(0.6, 0.9, 0.9), hits=[True])
    label = Seen({**outlined.meta}, label.candidates, label.hits, None)
    monkeypatch.setattr(choice, '_look', lambda *_: [label, outlined])
    facts = choose(model, parts[1]['finder'])
    assert (facts['lesion'], facts['candidates'], facts['dice']) == (1, 1, 100)


def test_what_the_choice_would_stumble_over_is_said_before(parts):
    cfg, stages = parts
    finder = stages['finder']
    joined = joined_config(cfg, **stages)
    assert check_choice(joined, finder, None)['model.crop'] == {
        'share': 0.4,
        'mm': None,
        'factor': None,
    }
    with pytest.raises(MammoError, match="target 'often'"):
        check_choice(joined, finder, 'often')
    joined.model.candidates.count = 13
    with pytest.raises(MammoError, match=r'candidates\.count=13.*1 to 12'):
        check_choice(joined, finder, None)
    joined.model.candidates.count = 12
    finder.val_dataloader = None
    with pytest.raises(MammoError, match='no validation images'):
        check_choice(joined, finder, None)

"""Mining: the table of candidates, against the map of the finder and the true masks."""

import csv

import numpy as np
import pytest

from mmseg_mammo.engine.config.loading import CacheChoice
from mmseg_mammo.engine.two_stage.mining import loader_of, mine
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.image import read_labels
from mmseg_mammo.io.tables.candidates import read_candidates

SHARE = 0.7


@pytest.fixture(scope='module')
def mined(trained):
    """Rows of the table of training images."""
    return list(csv.DictReader((trained[1] / 'candidates' / 'train.csv').open()))


def test_a_hit_is_a_crop_with_half_of_the_lesion(parts, trained, prepared, tmp_path):
    cfg, stages = parts
    cfg.model.crop.share, cfg.model.candidates.count = SHARE, 9
    mine(cfg, stages['finder'], trained[1] / 'finder' / 'best.pth', tmp_path)
    rows = list(csv.DictReader((tmp_path / 'train.csv').open()))
    assert {row['hit'] for row in rows} == {'0', '1'}
    side = round(SHARE * 80)
    for row in rows:
        name = f'{row["key"].rpartition("_")[2]}.png'
        mask = np.zeros((80, 64), bool)
        if (prepared / 'masks' / name).is_file():
            mask = read_labels(prepared / 'masks' / name) > 0
        x, y = (int(np.floor(float(row[axis]) - side / 2 + 1)) for axis in ('x', 'y'))
        inside = mask[max(0, y) : max(0, y + side), max(0, x) : max(0, x + side)].sum()
        assert int(row['hit']) == (mask.any() and inside >= mask.sum() / 2), row


def test_each_image_has_its_best_peaks_first_and_no_more_than_asked(mined):
    keys = {row['key'] for row in mined}
    for key in keys:
        scores = [float(row['score']) for row in mined if row['key'] == key]
        assert len(scores) <= 3
        assert scores == sorted(scores, reverse=True)


def test_crops_read_the_table(trained):
    found = read_candidates(trained[1] / 'candidates' / 'val.csv')
    assert all(0 <= one.score <= 1 for each in found.values() for one in each)


@pytest.mark.parametrize('cached', [False, True])
def test_the_same_finder_gives_the_same_table(trained, parts, tmp_path, cached):
    cfg, stages = parts
    cache = CacheChoice(tmp_path / 'cache') if cached else None
    facts = mine(cfg, stages['finder'], trained[1] / 'finder' / 'best.pth', tmp_path, cache)
    assert (tmp_path / 'cache').exists() == cached
    for split in ('train', 'val'):
        before = (trained[1] / 'candidates' / f'{split}.csv').read_text()
        assert (tmp_path / f'{split}.csv').read_text() == before
        assert facts[split]['candidates'] == len(before.splitlines()) - 1
    assert facts['train']['images'] == 4


def test_images_are_those_of_the_training_seen_as_in_a_test(parts):
    _, stages = parts
    loader = loader_of(stages['finder'], 'train')
    assert loader['dataset']['split'] == 'train'
    kinds = [step['type'] for step in loader['dataset']['pipeline']]
    assert not any(kind.startswith('Random') for kind in kinds)


def test_several_data_sets_are_refused(parts):
    _, stages = parts
    dataset = stages['finder'].train_dataloader.dataset
    stages['finder'].train_dataloader.dataset = dict(type='ConcatDataset', datasets=[dataset] * 2)
    with pytest.raises(MammoError, match='2 data sets'):
        loader_of(stages['finder'], 'train')

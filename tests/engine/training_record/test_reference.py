"""The reference of MatchHistogram: from training images alone, kept by the config of a checkpoint."""

import numpy as np
import pytest
from experiments import shrink
from mmengine.registry import init_default_scope
from prepared_sets import write_prepared

from mmseg_mammo.cli.main import main
from mmseg_mammo.engine.config.stored import plain_settings
from mmseg_mammo.engine.training_record.reference import fill_reference
from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference.predictor import Predictor
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.io.image import map_intensity, read_image
from mmseg_mammo.studies.search import open_study, search
from mmseg_mammo.studies.space import Space
from mmseg_mammo.transforms.histogram import breast_quantiles

SPLITS = ('train', 'val', 'test')


def matching(data, work, splits=SPLITS):
    init_default_scope('mmseg')
    cfg = shrink('unet_strong_cbis', data, work)
    for split in splits:
        steps = cfg[f'{split}_dataloader'].dataset.pipeline
        kinds = [step['type'] for step in steps]
        steps.insert(kinds.index('MapIntensity') + 1, dict(type='MatchHistogram'))
    return cfg


def steps_of(cfg):
    loaders = [cfg[f'{split}_dataloader'] for split in SPLITS]
    return [s for each in loaders for s in each.dataset.pipeline if s['type'] == 'MatchHistogram']


def test_it_is_the_mean_of_the_training_images_as_they_come_to_the_step(tmp_path):
    folder = write_prepared(tmp_path / 'set', 5)
    cfg = matching(folder, tmp_path)
    fill_reference(cfg)
    rows = [
        breast_quantiles(map_intensity(read_image(folder / f'images/{n:02d}.png'), 'minmax'))
        for n in range(5)
    ]
    for step in steps_of(cfg):
        assert len(step['reference']) == 33
        np.testing.assert_allclose(step['reference'], np.mean(rows, axis=0), atol=0.0051)
    assert len(steps_of(cfg)) == 3
    kept = plain_settings(cfg)['train_dataloader']['dataset']['pipeline']
    assert [s['reference'] for s in kept if s['type'] == 'MatchHistogram']


def test_a_given_reference_and_other_configs_stay_and_nothing_is_read(tmp_path):
    cfg = matching(tmp_path / 'missing', tmp_path)
    for step in steps_of(cfg):
        step['reference'] = [0.0, 255.0]
    before = cfg.pretty_text
    fill_reference(cfg)
    plain = shrink('unet_cbis', tmp_path / 'missing', tmp_path)
    fill_reference(plain)
    assert cfg.pretty_text == before


def test_a_step_of_tests_alone_has_nothing_to_go_by(tmp_path):
    folder = write_prepared(tmp_path / 'set', 2)
    with pytest.raises(MammoError, match='not trained with'):
        fill_reference(matching(folder, tmp_path, ('val', 'test')))


def reference_in(cfg):
    (found,) = {tuple(step['reference']) for step in steps_of(cfg)}
    return found


@pytest.mark.slow
def test_a_training_fills_it_in_and_its_checkpoint_predicts_by_it(prepared, tmp_path):
    cfg = matching(prepared, tmp_path / 'work')
    cfg.train_cfg.max_epochs = 3
    cfg.dump(tmp_path / 'ours.py')
    main(['train', str(tmp_path / 'ours.py'), '--work-dir', str(tmp_path / 'work')])
    fill_reference(cfg)
    checkpoint = tmp_path / 'work' / 'epoch_3.pth'
    steps = read_record(checkpoint)['input']['steps']
    (stored,) = [step['reference'] for step in steps if step['type'] == 'MatchHistogram']
    assert tuple(stored) == reference_in(cfg)
    step = Predictor(checkpoint, device='cpu').members[0].steps[2]
    assert step.reference == reference_in(cfg)


def test_a_search_fills_it_in_for_each_trial(prepared, tmp_path, monkeypatch):
    seen = []

    def refuse(cfg, *_):
        assert 'test_dataloader' not in cfg
        seen.append(cfg.val_dataloader.dataset.pipeline)
        raise MammoError('no training here')

    monkeypatch.setattr('mmseg_mammo.studies.search.build_runner', refuse)
    cfg, space = matching(prepared, tmp_path), Space(1e-4, 1e-2, (1, 2))
    search(open_study(tmp_path / 's.log', cfg, space), cfg, space, 1)
    fill_reference(cfg)
    assert [s['reference'] for s in seen[0] if s['type'] == 'MatchHistogram'] == [
        list(reference_in(cfg))
    ]


@pytest.mark.parametrize('words', [['cache'], ['browse', '--steps', '1', '--out', 'sheets']])
def test_tools_that_show_or_keep_the_training_images_fill_it_in_too(
    words, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    folder = write_prepared(tmp_path / 'set', 3)
    cfg = matching(folder, tmp_path)
    cfg.pop('val_dataloader')
    cfg.dump(tmp_path / 'ours.py')
    main([words[0], str(tmp_path / 'ours.py'), *words[1:]])
    assert list(
        tmp_path.glob('set/cache/*/slots.bin' if words == ['cache'] else 'sheets/steps.png')
    )

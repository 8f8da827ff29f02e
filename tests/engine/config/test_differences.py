import json

import pytest
import torch
from experiments import in_one_step, shrink
from mmengine.config import Config
from mmengine.runner import Runner

from mmseg_mammo.engine.checkpoint import config_of
from mmseg_mammo.engine.config.differences import (
    CLAHE_LEVELS,
    check_length,
    clahe_differences,
    input_differences,
    note_clahe,
    threshold_difference,
)
from mmseg_mammo.engine.config.edits import use_side
from mmseg_mammo.engine.config.test_output import use_test_output
from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.io.shipped import find_config


def config(name):
    return Config.fromfile(find_config(name))


def test_the_config_in_a_checkpoint_is_read_back():
    cfg = config('unet_strong_cbis')
    read = config_of({'meta': {'cfg': cfg.pretty_text}})
    assert read.train_cfg == cfg.train_cfg
    assert input_differences(read, cfg) == []
    assert config_of({'state_dict': {}}) is None


def test_a_twin_prepares_images_as_in_training_and_another_side_does_not():
    trained, twin = config('unet_cbis'), config('unet_zgt')
    assert input_differences(trained, twin) == []
    use_side(twin, 512)
    assert input_differences(trained, twin) == [
        'Resize.scale is (512, 512), in training (224, 224)',
        'data_preprocessor.size is (512, 512), in training (224, 224)',
    ]
    del twin.test_dataloader.dataset.pipeline[3]
    assert 'MammoCLAHE.clip_limit is None, in training 2.0' in input_differences(trained, twin)


def test_the_pipeline_that_was_trained_with_counts_and_its_defaults_are_values_too():
    cfg = config('unet_strong_cbis')
    steps = {step.type: step for step in cfg.train_dataloader.dataset.pipeline}
    assert input_differences(cfg, cfg) == []
    del steps['MammoCLAHE']['clip_limit']  # 2.0 is the default
    assert input_differences(cfg, cfg) == []
    for step, key, value in (
        ('MammoCLAHE', 'clip_limit', 6.0),
        ('MammoCLAHE', 'tile_grid_size', (4, 4)),
        ('MapIntensity', 'intensity', 'percentile'),
        ('ResizeMammogram', 'scale', (256, 256)),
        ('ResizeMammogram', 'interpolation', 'area'),
    ):
        trained = config('unet_strong_cbis')
        steps = {step.type: step for step in trained.train_dataloader.dataset.pipeline}
        steps[step][key] = value
        (found,) = input_differences(trained, cfg)
        assert found.startswith(f'{step.replace("ResizeMammogram", "Resize")}.{key} is ')
        assert found.endswith(f'in training {value}')


def test_clahe_before_the_resizing_is_another_input_than_behind_it():
    trained, cfg = config('unet_strong_cbis'), config('unet_strong_cbis')
    for loader in (trained.train_dataloader, trained.test_dataloader):
        steps = loader.dataset.pipeline
        kinds = [step.type for step in steps]
        size = next(n for n, kind in enumerate(kinds) if kind in ('Resize', 'ResizeMammogram'))
        steps.insert(size, steps.pop(kinds.index('MammoCLAHE')))
    assert input_differences(trained, trained) == []
    (found,) = input_differences(trained, cfg)
    assert found.startswith('the order is ReadMammogram, MapIntensity, Resize, MammoCLAHE')
    assert 'in training ReadMammogram, MapIntensity, MammoCLAHE, Resize' in found


@pytest.mark.parametrize('name', ['unet_strong_cbis', 'sam_finetune_cbis'])
def test_one_step_that_loads_and_two_are_the_same_and_their_settings_are_compared(name):
    ours, earlier = config(name), in_one_step(config(name))
    loads = [step.type for step in earlier.test_dataloader.dataset.pipeline]
    assert 'LoadMammogram' in loads
    assert 'MapIntensity' not in loads
    for trained, cfg in ((earlier, ours), (ours, earlier), (earlier, earlier)):
        assert input_differences(trained, cfg) == []
    earlier.train_dataloader.dataset.pipeline[0].update(voi=False, percentiles=(2, 98))
    assert input_differences(earlier, ours) == [
        'MapIntensity.percentiles is (1.0, 99.0), in training (2, 98)',
        'ReadMammogram.voi is True, in training False',
    ]


def test_a_training_on_crops_is_tested_on_whole_images():
    trained = config('unet_strong_cbis')
    steps = trained.train_dataloader.dataset.pipeline
    trained.train_dataloader.dataset.pipeline = [
        dict(type='RandomCrop', crop_size=(64, 64)) if 'Resize' in s.type else s for s in steps
    ]
    assert input_differences(trained, trained) == []


def test_members_of_a_wrapper_are_looked_at():
    trained, cfg = config('unet_cbis'), config('unet_cbis')
    inner = trained.train_dataloader.dataset
    inner.pipeline[1].intensity = 'stored'
    for wrapped in (
        dict(type='RepeatDataset', times=2, dataset=inner),
        dict(type='ConcatDataset', datasets=[inner, inner]),
    ):
        trained.train_dataloader.dataset = wrapped
        assert input_differences(trained, cfg) == [
            'MapIntensity.intensity is minmax, in training stored'
        ]


def test_a_checkpoint_of_the_former_clahe_is_told_from_one_of_this():
    cfg, without = config('unet_cbis'), config('sam_finetune_cbis')
    former = {'meta': {'cfg': cfg.pretty_text}}
    (found,) = clahe_differences(former, config('unet_zgt'))
    assert 'MammoCLAHE counts 256 grey levels, in training' in found
    note_clahe(former)
    assert clahe_differences(former, cfg) == []
    assert clahe_differences({'meta': {'cfg': without.pretty_text}}, without) == []
    assert clahe_differences({'state_dict': {}}, cfg) == []


def test_a_cosine_is_not_resumed_under_another_length_and_the_plateau_rule_is():
    for name in ('unet_strong_cbis', 'unet_cbis'):
        trained, longer = config(name), config(name)
        check_length(trained, longer)
        longer.train_cfg.max_epochs += 10
        if name == 'unet_cbis':
            check_length(trained, longer)
        else:
            with pytest.raises(CheckpointError, match=r'max_epochs=70.*planned for 60'):
                check_length(trained, longer)


@pytest.mark.slow
def test_both_are_found_in_a_real_checkpoint(prepared, tmp_path):
    cfg = shrink('unet_strong_cbis', prepared, tmp_path / 'train')
    Runner.from_cfg(cfg).train()
    checkpoint = str(tmp_path / 'train/epoch_3.pth')
    former = tmp_path / 'former.pth'
    saved = torch.load(checkpoint, weights_only=False)
    assert saved['meta'].pop(CLAHE_LEVELS) == 256
    torch.save(saved, former)
    for side, path, differences in ((32, checkpoint, 0), (48, checkpoint, 2), (32, former, 1)):
        folder = tmp_path / f'{side}_{differences}'
        test = shrink('unet_strong_cbis', prepared, folder)
        use_side(test, side)
        test.load_from = str(path)
        Runner.from_cfg(test).test()
        (written,) = folder.glob('*/test.json')
        found = json.loads(written.read_text())['input_differs_from_training']
        assert len(found) == differences
    longer = shrink('unet_strong_cbis', prepared, tmp_path / 'train', epochs=5)
    longer.resume = True
    with pytest.raises(CheckpointError, match='planned for 3'):
        Runner.from_cfg(longer).train()


def test_another_threshold_is_a_contradiction_and_a_chosen_one_is_not():
    trained, cfg = config('unet_cbis'), config('unet_zgt')
    assert threshold_difference(trained, cfg) == []
    use_test_output(cfg, threshold=0.2)
    assert threshold_difference(trained, cfg) == []
    cfg.model.decode_head.threshold = 0.4
    assert threshold_difference(trained, cfg) == ['the threshold is 0.4, in training 0.5']

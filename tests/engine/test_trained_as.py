import json

import pytest
from experiments import CONFIGS, shrink
from mmengine.config import Config
from mmengine.runner import Runner

from mmseg_mammo.engine.launch import use_side
from mmseg_mammo.engine.trained_as import check_length, config_of, input_differences
from mmseg_mammo.errors import CheckpointError


def config(name):
    return Config.fromfile(CONFIGS / f'{name}.py')


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
    del twin.test_dataloader.dataset.pipeline[2]
    assert 'MammoCLAHE.clip_limit is None, in training 2.0' in input_differences(trained, twin)


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


def test_both_are_found_in_a_real_checkpoint(prepared, tmp_path):
    cfg = shrink('unet_strong_cbis', prepared, tmp_path / 'train')
    Runner.from_cfg(cfg).train()
    checkpoint = str(tmp_path / 'train/epoch_3.pth')
    for side in (32, 48):
        test = shrink('unet_strong_zgt', prepared, tmp_path / str(side))
        use_side(test, side)
        test.load_from = checkpoint
        Runner.from_cfg(test).test()
        (written,) = (tmp_path / str(side)).glob('*/test.json')
        found = json.loads(written.read_text())['input_differs_from_training']
        assert len(found) == (0 if side == 32 else 2)
    longer = shrink('unet_strong_cbis', prepared, tmp_path / 'train', epochs=5)
    longer.resume = True
    with pytest.raises(CheckpointError, match='planned for 3'):
        Runner.from_cfg(longer).train()

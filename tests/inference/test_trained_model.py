"""A checkpoint with the steps that bring an image to it."""

import copy

import numpy as np
import pytest
import torch
from records import change_record
from tiny_models import save_checkpoint, write_blobs

from mmseg_mammo.engine.config.stored import read_stored_config
from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference.trained_model import TrainedModel, lone_pipeline, say_changes
from mmseg_mammo.io.image import read_image, resize_image, write_png


def types(pipeline):
    return [step['type'] for step in pipeline]


def test_steps_about_masks_are_left_out_and_the_preparation_is_repeated(unet):
    cfg = read_stored_config(unet)
    steps = types(lone_pipeline(cfg, {}))
    assert steps[:2] == ['ReadMammogram', 'MapIntensity']
    assert steps[-1] == 'PackMammogram'
    assert 'LoadLesionMask' in types(cfg.test_dataloader.dataset.pipeline)
    assert 'LoadLesionMask' not in steps
    prepared = lone_pipeline(cfg, {'long_side': 1024, 'voi': False})
    assert types(prepared) == [steps[0], 'ShrinkMammogram', *steps[1:]]
    assert (prepared[0]['voi'], prepared[1]['long_side']) == (False, 1024)


def test_what_has_not_one_way_to_the_model_is_refused(unet):
    cfg = read_stored_config(unet)
    loader = cfg.test_dataloader
    cfg.test_dataloader = cfg.val_dataloader = None
    with pytest.raises(MammoError, match='no test pipeline'):
        lone_pipeline(cfg, {})
    other = {**loader.dataset, 'pipeline': loader.dataset.pipeline[1:]}
    cfg.test_dataloader = {
        'dataset': {'type': 'ConcatDataset', 'datasets': [loader.dataset, other]}
    }
    with pytest.raises(MammoError, match='2 test pipelines that differ'):
        lone_pipeline(cfg, {})
    loader.dataset.pipeline = [{'type': 'TestTimeAug', 'transforms': []}]
    cfg.test_dataloader = loader
    with pytest.raises(MammoError, match=r'test-time augmentation.*Give that one, and --tta'):
        lone_pipeline(cfg, {})
    cfg.model = {'type': 'SegTTAModel', 'module': cfg.model}
    with pytest.raises(MammoError, match=r'test-time augmentation.*Give that one, and --tta'):
        TrainedModel(cfg, unet, 'cpu')


def test_an_original_becomes_the_input_that_its_prepared_file_becomes(
    prepared, save_dicom, tmp_path
):
    """Bit for bit; a prepared image is not shrunk again, as it is not in a test."""
    checkpoint = save_checkpoint(tmp_path / 'm.pth', 'unet_cbis', prepared, long_side=100)
    model = TrainedModel(read_stored_config(checkpoint), checkpoint, 'cpu')
    original = read_image(write_blobs(tmp_path / 'o.png', 3, (301, 207))) >> 4
    path = save_dicom(original, BitsStored=12)
    levels = read_image(path)
    small = resize_image(levels, (100, 69))
    write_png(tmp_path / 'prepared.png', small)
    index = {'image': 'images/prepared.png', 'original_height': 301, 'original_width': 207}
    first, grey = model.load(path, {})
    second, _ = model.load(tmp_path / 'prepared.png', index)
    assert torch.equal(first['inputs'], second['inputs'])
    assert grey.shape == first['data_samples'].ori_shape == (301, 207)
    np.testing.assert_array_equal(grey, levels)
    large = tmp_path / 'large.png'
    write_png(large, levels)
    as_it_is, _ = model.load(large, index)
    shrunk, _ = model.load(large, {})
    assert torch.equal(shrunk['inputs'], first['inputs'])
    assert not torch.equal(as_it_is['inputs'], first['inputs'])


def test_a_model_without_reading_step_takes_no_array(unet):
    cfg = read_stored_config(unet)
    cfg.test_dataloader.dataset.pipeline[0] = {'type': 'LoadImageFromFile'}
    model = TrainedModel(cfg, unet, 'cpu')
    with pytest.raises(
        MammoError, match='an array for a pipeline that begins with LoadImageFromFile'
    ):
        model.load(np.zeros((4, 4), np.uint8), {})


def test_what_a_config_changes_of_the_input_is_said(unet, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(
        'mmseg_mammo.inference.trained_model.print_log', lambda text, *_: said.append(text)
    )
    cfg = read_stored_config(unet)
    assert TrainedModel(read_stored_config(unet), unet, 'cpu').differences == []
    cfg.test_dataloader.dataset.pipeline[1].intensity = 'stored'
    change = 'MapIntensity.intensity is stored, in training minmax'
    assert TrainedModel(cfg, unet, 'cpu').differences == [change]
    assert said == [f'{unet}: {change}: expect worse results']
    content = torch.load(unet)
    del content['meta']['clahe_levels']
    earlier = tmp_path / 'earlier.pth'
    torch.save(content, earlier)
    found = say_changes(cfg, earlier)
    assert found[0] == change
    assert found[1].startswith('MammoCLAHE counts 256 grey levels')
    torch.save(content['state_dict'], earlier)
    assert say_changes(cfg, earlier) == []


def test_another_threshold_of_a_given_config_is_said(unet, monkeypatch):
    said = []
    monkeypatch.setattr(
        'mmseg_mammo.inference.trained_model.print_log', lambda text, *_: said.append(text)
    )
    cfg = read_stored_config(unet)
    cfg.model.decode_head.threshold = 0.7
    assert say_changes(cfg, unet) == []
    assert said == [f'{unet}: the threshold is 0.7, in training 0.5']


def test_a_config_that_is_given_needs_no_readable_one_in_the_checkpoint(unet, tmp_path):
    """A model of a user's own module; and a text that is more than data."""
    cfg = read_stored_config(unet)
    own = copy.deepcopy(cfg.to_dict())
    own['model']['decode_head']['type'] = 'my_module.MyHead'
    TrainedModel(copy.deepcopy(cfg), change_record(unet, tmp_path / 'own.pth', config=own), 'cpu')
    content = torch.load(unet)
    content['meta']['cfg'] += 'a = call()'
    torch.save(content, tmp_path / 'earlier.pth')
    assert TrainedModel(cfg, tmp_path / 'earlier.pth', 'cpu').differences == []

"""A training says before it starts that it cannot succeed, and at its end that it did not."""

import re
from dataclasses import replace

import pytest
from experiments import shrink
from mmengine.runner import Runner
from prepared_sets import drop_masks

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.index import read_index, write_index


def warnings_of(folder):
    (log,) = folder.glob('*/*.log')
    return '\n'.join(re.findall(r'WARNING - (.*)', log.read_text()))


def train(cfg, folder):
    Runner.from_cfg(cfg).train()
    return warnings_of(folder)


def test_a_validation_split_without_a_lesion_is_said_before_and_after(prepared, tmp_path):
    cfg = shrink('unet_cbis', prepared, tmp_path, epochs=1)
    cfg.val_dataloader.dataset.indices = [1]  # the normal one
    said = train(cfg, tmp_path)
    before, after = 'none of the 1 validation images has a lesion', 'No validation image had'
    assert said.index(before) < said.index(after)
    assert not list(tmp_path.glob('best_*'))


def test_a_training_that_learnt_nothing_says_so_and_a_sound_one_raises_no_doubt(prepared, tmp_path):
    said = train(shrink('unet_strong_cbis', prepared, tmp_path, epochs=3), tmp_path)
    assert 'Before it starts' not in said
    assert 'The best lesion Dice of this training is 0' in said


@pytest.mark.parametrize('name', ['unet_absence_cbis', 'unet_refiner_cbis'])
def test_of_crops_presence_is_learnt_though_no_image_is_normal(name, prepared, tmp_path):
    cfg = shrink(name, prepared, tmp_path, epochs=1)
    cfg.default_hooks.pop('presence', None)
    cfg.param_scheduler = []
    cfg.train_dataloader.sampler = dict(type='DefaultSampler', shuffle=True)
    cfg.train_dataloader.dataset.indices = [0, 1]
    assert ('presence is always 1' in train(cfg, tmp_path)) == (name == 'unet_absence_cbis')


def test_a_training_without_lesions_is_said(prepared, tmp_path):
    cfg = shrink('unet_strong_cbis', prepared, tmp_path)
    cfg.train_dataloader.dataset.indices = [3]
    cfg.train_cfg.max_epochs = 3
    assert 'none of the 1 training images has a lesion' in train(cfg, tmp_path)


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        ({'train_cfg.val_interval': 0}, r'val_interval=0. Allowed: 1 or more'),
        ({'default_hooks.checkpoint.save_best': 'lesion_dise'}, r"'lesion_dise'.*lesion_dice"),
        ({'val_cfg.type': 'ValLoop'}, r"param_scheduler.monitor='val_loss'.*LossValLoop"),
        (
            {'train_dataloader.dataset': {'annotated_only': False, 'split': 'test'}},
            r'nobody annotated 1 of its 3 images',
        ),
    ],
)
def test_what_would_fail_later_is_refused_before_the_first_step(options, said, prepared, tmp_path):
    cfg = shrink('unet_cbis', prepared, tmp_path)
    cfg.merge_from_dict(options)
    with pytest.raises(MammoError, match=said):
        Runner.from_cfg(cfg).train()
    assert not list(tmp_path.glob('*.pth'))


@pytest.mark.parametrize(('name', 'loader'), [('unet_cbis', 'train'), ('sam_finetune_cbis', 'val')])
def test_image_labels_are_refused_where_the_model_needs_masks(name, loader, prepared, tmp_path):
    folder = drop_masks(prepared, tmp_path / 'mixed', 'images/0.png', 'images/4.png')
    cfg = shrink(name, folder, tmp_path / 'work')
    if loader == 'val':
        cfg.train_dataloader.dataset.image_labels = False
    with pytest.raises(MammoError, match=rf'{loader}_dataloader: 1 of its . images have an image'):
        Runner.from_cfg(cfg).train()
    assert not list((tmp_path / 'work').glob('*.pth'))


def test_a_test_with_prompts_from_masks_refuses_image_labels(prepared, tmp_path):
    folder = drop_masks(prepared, tmp_path / 'mixed', 'images/6.png')
    cfg = shrink('sam_finetune_cbis', folder, tmp_path / 'work')
    with pytest.raises(MammoError, match='test_dataloader: 1 of its 2 images have an image label'):
        Runner.from_cfg(cfg).test()


def test_a_model_without_a_trained_parameter_is_refused(prepared, tmp_path):
    runner = Runner.from_cfg(shrink('unet_cbis', prepared, tmp_path))
    runner.model.requires_grad_(False)
    with pytest.raises(MammoError, match='No parameter of the model is trained'):
        runner.train()


def test_a_rate_of_zero_is_said(prepared, tmp_path):
    cfg = shrink('unet_cbis', prepared, tmp_path, epochs=1)
    cfg.optim_wrapper.optimizer.lr = 0.0
    assert 'the learning rate is 0' in train(cfg, tmp_path)


def test_a_training_that_is_over_has_no_rate_to_speak_of(prepared, tmp_path):
    def part():
        cfg = shrink('unet_cbis', prepared, tmp_path / 'work', epochs=2)
        cfg.param_scheduler = [dict(type='PolyLR', eta_min=0.0, power=1.0, begin=0, end=2)]
        return cfg

    Runner.from_cfg(part()).train()
    again = part()
    again.resume = True
    Runner.from_cfg(again).train()
    logs = [log.read_text() for log in (tmp_path / 'work').glob('*/*.log')]
    assert 'the learning rate is 0' not in ''.join(logs)


def with_presence(folder, work_dir, **dataset):
    cfg = shrink('unet_cbis', folder, work_dir, epochs=1)
    cfg.model.presence_head = dict(
        type='PresenceHead', in_channels=[cfg.model.backbone.base_channels * 16]
    )
    cfg.train_dataloader.dataset.update(finding=None, **dataset)
    return cfg


def of_two_hospitals(prepared, folder):
    """All lesions of one, all normals of the other."""
    folder = drop_masks(prepared, folder)
    rows = read_index(folder / 'index.csv')
    write_index(folder / 'index.csv', [replace(row, source=row.annotated) for row in rows])
    return folder


def test_presence_is_not_learnt_from_the_source(prepared, tmp_path):
    folder = of_two_hospitals(prepared, tmp_path / 'two')
    with pytest.raises(MammoError, match='lesion: 3 with a lesion, 0 normal; normal: 0 with'):
        Runner.from_cfg(with_presence(folder, tmp_path / 'work')).train()
    said = train(
        with_presence(folder, tmp_path / 'again', allow_confounded=True), tmp_path / 'again'
    )
    assert "from 'lesion' are annotated=lesion" in said
    said = train(shrink('unet_cbis', folder, tmp_path / 'mask', epochs=1), tmp_path / 'mask')
    assert 'annotated=lesion' not in said  # a model of masks alone has no presence to spoil


def test_crops_at_random_are_normal_too_and_not_called_presence_without_normals(prepared, tmp_path):
    """Of lesion images alone: whole they have no normal, a training on crops cuts some."""
    folder = drop_masks(prepared, tmp_path / 'lesions')
    rows = read_index(folder / 'index.csv')
    write_index(folder / 'index.csv', [row for row in rows if row.annotated == 'lesion'])

    def said(work, *crop):
        cfg = with_presence(folder, tmp_path / work)
        steps = cfg.train_dataloader.dataset.pipeline
        mask = next(i for i, step in enumerate(steps) if step['type'] == 'LoadLesionMask')
        steps[mask + 1 : mask + 1] = crop
        return train(cfg, tmp_path / work)

    line = 'images of train is normal: presence is always 1'
    assert line in said('whole')
    assert line not in said('crops', dict(type='CropAroundLesion'))

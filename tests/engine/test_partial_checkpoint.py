"""Checkpoints without the frozen weights: small, strict, and as good as whole ones."""

import functools
from pathlib import Path

import pytest
import torch
from experiments import shrink, write_base
from mmengine.config import Config
from mmengine.runner import Runner, load_checkpoint
from mmseg.registry import MODELS
from records import BASE, RECORD, save

from mmseg_mammo.engine.checkpoint import load_model
from mmseg_mammo.engine.config.stored import read_stored_config
from mmseg_mammo.engine.partial_checkpoint import complete, note_base, use_base
from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.io.files import sha256
from mmseg_mammo.models.peft.trainable import fingerprint, frozen_parameters

TUNINGS = [
    'setr_pup_vpt_strong_cbis',  # with EMA
    *(pytest.param(n, marks=pytest.mark.slow) for n in ('setr_pup_lora_cbis', 'sam_decoder_cbis')),
    'sam_lora_cbis',
]


@pytest.fixture(scope='module')
def bases(prepared, tmp_path_factory):
    """Two pre-trained files with weights of the same shapes, of SETR's backbone and of SAM."""
    folder = tmp_path_factory.mktemp('weights')
    return {
        kind: [write_base(folder / kind / f'{s}.pth', kind, prepared, s) for s in (10, 11)]
        for kind in ('setr', 'sam')
    }


def kind_of(name):
    return name.split('_')[0]


def train(name, data, work_dir, base, epochs=3, **checkpoint):
    cfg = shrink(name, data, work_dir, epochs, str(base))
    cfg.default_hooks.checkpoint.update(save_trained_only=True, **checkpoint)
    return cfg


@pytest.fixture(scope='module')
def trained(prepared, bases, tmp_path_factory):
    """The folder of a training, and the names of its frozen weights; each is made once."""

    @functools.cache
    def trained(name, only=True):
        folder = tmp_path_factory.mktemp(name)
        cfg = train(name, prepared, folder, bases[kind_of(name)][0])
        cfg.default_hooks.checkpoint.save_trained_only = only
        runner = Runner.from_cfg(cfg)
        runner.train()
        return folder, set(frozen_parameters(runner.model))

    return trained


def load(path):
    return torch.load(path, weights_only=False)


def records(cfg, checkpoint):
    cfg.load_from = str(checkpoint)
    runner = Runner.from_cfg(cfg)
    runner.test()
    (metric,) = runner.test_evaluator.metrics
    return metric.records


@pytest.mark.parametrize('name', TUNINGS)
def test_it_lacks_the_frozen_weights_and_tests_as_the_whole_one(
    name, prepared, bases, trained, tmp_path
):
    paths = [trained(name, only)[0] / 'epoch_3.pth' for only in (True, False)]
    small, whole = map(load, paths)
    _, frozen = trained(name)
    assert set(whole['state_dict']) - set(small['state_dict']) == frozen & set(whole['state_dict'])
    buffer = 'running_mean' if kind_of(name) == 'setr' else 'gaussian_matrix'
    assert any(buffer in key for key in small['state_dict'])
    for key, value in small['state_dict'].items():
        assert torch.equal(value, whole['state_dict'][key]), key
    base = str(bases[kind_of(name)][0])
    assert small['trained_only']['base'] == base
    found = [
        records(shrink(name, prepared, tmp_path / 't', pretrained=base), path) for path in paths
    ]
    assert repr(found[0]) == repr(found[1])  # NaN, where a length in mm is not known


@pytest.mark.parametrize('name', TUNINGS)
def test_another_or_no_pretrained_file_is_refused(name, prepared, bases, trained, tmp_path):
    _, another = bases[kind_of(name)]
    checkpoint = trained(name)[0] / 'epoch_3.pth'
    for other in (str(another), None):
        with pytest.raises(CheckpointError, match=r'trained weights only, on top of .*10\.pth'):
            records(shrink(name, prepared, tmp_path / 'b', pretrained=other), checkpoint)


@pytest.mark.slow
def test_it_resumes_as_a_whole_one(prepared, bases, tmp_path):
    name = 'setr_pup_vpt_strong_cbis'
    ends = []
    for only in (True, False):
        folder = tmp_path / str(only)
        cfg = train(name, prepared, folder, bases['setr'][0], 4, max_keep_ckpts=-1)
        cfg.default_hooks.checkpoint.save_trained_only = only
        Runner.from_cfg(cfg).train()
        (folder / 'last_checkpoint').write_text(str(folder / 'epoch_2.pth'))
        cfg.resume = True
        Runner.from_cfg(cfg).train()
        ends.append(load(folder / 'epoch_4.pth'))
    for key in ('state_dict', 'ema_state_dict'):
        small, whole = (end.get(key, {}) for end in ends)
        assert all(torch.equal(value, whole[name]) for name, value in small.items())


def test_lora_names_its_base_even_in_a_whole_checkpoint(prepared, bases, trained, tmp_path):
    name, (base, another) = 'setr_pup_lora_cbis', bases['setr']
    checkpoint = trained(name, False)[0] / 'epoch_3.pth'
    assert records(shrink(name, prepared, tmp_path / 'b', pretrained=base), checkpoint)
    for other in (another, None):
        with pytest.raises(CheckpointError, match=r'on top of .*10\.pth'):
            records(shrink(name, prepared, tmp_path / 'c', pretrained=other), checkpoint)
    nameless = load(checkpoint)
    del nameless['trained_only']
    torch.save(nameless, tmp_path / 'nameless.pth')
    with pytest.raises(CheckpointError, match='does not say on which frozen weights'):
        records(shrink(name, prepared, tmp_path / 'd', pretrained=base), tmp_path / 'nameless.pth')


@pytest.mark.parametrize('name', ['sam_lora_cbis', 'setr_pup_lora_cbis'])
def test_lora_of_another_scaling_is_refused(name, prepared, bases, tmp_path):
    """The trained matrices are the same numbers, and mean something else."""
    settings = shrink(name, prepared, tmp_path, pretrained=str(bases[kind_of(name)][0])).model
    model, checkpoint = MODELS.build(settings), {'state_dict': {}}
    note_base(checkpoint, model, fingerprint(model))
    complete(dict(checkpoint, state_dict={}), MODELS.build(settings))
    settings.get('image_encoder', settings.get('backbone')).alpha *= 2
    with pytest.raises(CheckpointError, match='alpha and rank of LoRA, as in training'):
        complete(checkpoint, MODELS.build(settings))


@pytest.mark.parametrize('name', ['setr_pup_vpt_cbis', 'sam_decoder_cbis'])
def test_another_loader_is_refused_instead_of_leaving_random_weights(
    name, prepared, bases, trained, tmp_path
):
    cfg = shrink(name, prepared, tmp_path, pretrained=str(bases[kind_of(name)][0]))
    checkpoint = str(trained(name)[0] / 'epoch_3.pth')
    with pytest.raises(CheckpointError, match=r'none of the \d+ frozen weights.*mammoseg export'):
        load_checkpoint(MODELS.build(cfg.model), checkpoint)  # as init_model does


def test_random_frozen_weights_cannot_be_left_out(prepared, tmp_path):
    cfg = train('setr_pup_vpt_cbis', prepared, tmp_path, 'x')
    cfg.model.backbone.pretrained = None
    with pytest.raises(CheckpointError, match='The frozen weights are random'):
        Runner.from_cfg(cfg).train()


@pytest.mark.slow
@pytest.mark.parametrize('name', ['setr_pup_vpt_cbis', 'sam_finetune_cbis'])
def test_a_whole_checkpoint_needs_no_pretrained_file(name, prepared, bases, tmp_path):
    """To start from it, and to go on with it; a training from the file alone still does."""
    cfg = shrink(name, prepared, tmp_path / 'a', 1, str(bases[kind_of(name)][0]))
    Runner.from_cfg(cfg).train()
    gone = str(tmp_path / 'gone.pth')
    started = shrink(name, prepared, tmp_path / 'b', 1, gone)
    started.load_from = str(tmp_path / 'a' / 'epoch_1.pth')
    started.optim_wrapper.optimizer.lr = 0.0
    started.optim_wrapper.optimizer.weight_decay = 0.0
    frozen = Runner.from_cfg(started)
    frozen.train()
    state, source = frozen.model.state_dict(), load(started.load_from)['state_dict']
    assert all(torch.equal(state[n], source[n]) for n, _ in frozen.model.named_parameters())
    resumed = shrink(name, prepared, tmp_path / 'a', 2, gone)
    resumed.resume = True
    Runner.from_cfg(resumed).train()
    assert (tmp_path / 'a' / 'epoch_2.pth').is_file()
    with pytest.raises(CheckpointError, match=r'gone\.pth: no such file'):
        Runner.from_cfg(shrink(name, prepared, tmp_path / 'c', 1, gone)).train()


@pytest.mark.slow
def test_a_checkpoint_of_what_was_trained_still_needs_it(prepared, bases, tmp_path):
    name = 'setr_pup_vpt_cbis'
    Runner.from_cfg(train(name, prepared, tmp_path / 'a', bases['setr'][0], 1)).train()
    cfg = train(name, prepared, tmp_path / 'a', tmp_path / 'gone.pth', 2)
    cfg.resume = True
    with pytest.raises(CheckpointError, match=r'gone\.pth: no such file'):
        Runner.from_cfg(cfg).train()


def test_a_training_on_images_normalised_otherwise_does_not_start(prepared, bases, tmp_path):
    cfg = shrink('setr_pup_vpt_cbis', prepared, tmp_path, 1, str(bases['setr'][0]))
    cfg.model.data_preprocessor.update(mean=[123.675, 116.28, 103.53], std=[58.4, 57.1, 57.4])
    with pytest.raises(CheckpointError, match=r'10\.pth was trained with mean \[127\.5'):
        Runner.from_cfg(cfg).train()
    assert not (tmp_path / 'epoch_1.pth').exists()


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Files of weights in the working folder, and a checkpoint that stands on ``named.pth``."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'weights').mkdir()
    for name in ('named', 'other'):
        (tmp_path / f'{name}.pth').write_bytes(name.encode())
    base = BASE | {'file': 'named.pth', 'sha256': sha256(tmp_path / 'named.pth')}
    started = BASE | {'role': 'load_from', 'file': 'started.pth', 'sha256': 'c' * 64}
    return save(tmp_path / 'a.pth', RECORD | {'base': [base, started]})


def config(pretrained='named.pth'):
    lora = dict(type='mmpretrain.LoRAModel', module=dict(type='ViT', pretrained=pretrained))
    return Config(dict(model=dict(backbone=lora)))


def test_the_base_is_found_where_the_training_had_it(places):
    cfg = config()
    use_base(cfg, places, None)
    assert cfg.model.backbone.module.pretrained == 'named.pth'


def test_the_base_is_found_under_another_name(places):
    Path('named.pth').rename('weights/renamed.pth')
    cfg = config()
    use_base(cfg, places, None)
    assert cfg.model.backbone.module.pretrained == 'weights/renamed.pth'


def test_the_base_is_found_where_the_config_names_it(places):
    Path('named.pth').rename('elsewhere.pth')
    cfg = config('elsewhere.pth')
    use_base(cfg, places, None)
    assert cfg.model.backbone.module.pretrained == 'elsewhere.pth'


def test_a_base_that_is_given_counts(places):
    Path('named.pth').rename('given.pth')
    Path('other.pth').rename('named.pth')  # of the name, not of the content
    cfg = config()
    use_base(cfg, places, Path('given.pth'))
    assert cfg.model.backbone.module.pretrained == 'given.pth'


def test_another_base_is_refused(places):
    with pytest.raises(CheckpointError, match=r'on top of named\.pth .*other\.pth is another file'):
        use_base(config(), places, Path('other.pth'))
    with pytest.raises(CheckpointError, match=r'--base absent\.pth: no such file'):
        use_base(config(), places, Path('absent.pth'))
    Path('other.pth').rename('named.pth')
    with pytest.raises(
        CheckpointError, match=r'neither named\.pth nor weights/ holds .*--base FILE'
    ):
        use_base(config(), places, None)


def test_a_base_is_no_use_to_a_checkpoint_that_holds_every_weight(places, tmp_path):
    for number, whole in enumerate(({'trained_only': False}, {'base': []})):
        path = save(tmp_path / f'{number}.pth', RECORD | whole)
        cfg = config('absent.pth')
        use_base(cfg, path, None)
        assert cfg.model.backbone.module.pretrained == 'absent.pth'
        with pytest.raises(CheckpointError, match=r'--base named.*holds every weight.*Leave'):
            use_base(cfg, path, Path('named.pth'))


def test_without_a_record_the_file_that_is_given_or_that_of_the_config_stands(places, tmp_path):
    """The fingerprint of the weights still decides."""
    path = save(tmp_path / 'old.pth', None)
    cfg = config()
    use_base(cfg, path, None)
    assert cfg.model.backbone.module.pretrained == 'named.pth'
    use_base(cfg, path, Path('other.pth'))
    assert cfg.model.backbone.module.pretrained == 'other.pth'


def test_a_base_of_which_no_hash_is_known_is_left_to_the_fingerprint(places, tmp_path):
    path = save(tmp_path / 'b.pth', RECORD | {'base': [BASE | {'sha256': None}]})
    cfg = config('absent.pth')
    use_base(cfg, path, None)
    assert cfg.model.backbone.module.pretrained == 'absent.pth'
    use_base(cfg, path, Path('other.pth'))
    assert cfg.model.backbone.module.pretrained == 'other.pth'


@pytest.mark.parametrize('name', TUNINGS)
def test_it_is_loaded_by_itself(name, bases, trained, monkeypatch, tmp_path):
    """With the config and the base of its record, wherever the base lies now."""
    folder, _ = trained(name)
    base = Path(bases[kind_of(name)][0])
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'weights').mkdir()
    hidden = base.rename(tmp_path / 'weights' / 'other_name.pth')
    try:
        model = load_model(None, folder / 'epoch_3.pth')
    finally:
        hidden.rename(base)
    cfg = read_stored_config(folder / 'epoch_3.pth')
    expected = load_model(cfg, folder / 'epoch_3.pth')
    both = zip(model.named_parameters(), expected.named_parameters(), strict=True)
    assert all(one == other and torch.equal(a, b) for (one, a), (other, b) in both)
    assert not model.training

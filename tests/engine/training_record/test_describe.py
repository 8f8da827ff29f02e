"""What a checkpoint says of its training, and that it stays true over restarts."""

import hashlib
import json
import shutil
import zipfile
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from experiments import shrink, train, write_base
from mmengine.config import Config
from mmseg.registry import DATASETS
from records import RECORD, save

from mmseg_mammo.engine.training_record.describe import (
    describe_images,
    describe_input,
    describe_training,
    preparation_of,
)
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.io.shipped import find_config
from mmseg_mammo.preparation.likeness import FEATURES
from mmseg_mammo.version import __version__


@pytest.fixture(scope='module')
def vpt(prepared, tmp_path_factory):
    """Work folder and base file of an epoch of SETR-VPT."""
    folder = tmp_path_factory.mktemp('vpt')
    base = write_base(folder / 'mae_pretrain_vit_large.pth', 'setr', prepared)
    train(shrink('setr_pup_vpt_cbis', prepared, folder / 'a', 1, base))
    return folder / 'a', base


def test_it_says_what_was_trained_on_what_from_which_weights(vpt, prepared):
    folder, base = vpt
    record = read_record(folder / 'epoch_1.pth')
    assert (record['format'], record['name'], record['model']) == (
        1,
        'setr_pup_vpt_cbis',
        'InputGridEncoderDecoder',
    )
    assert record['versions']['mmseg_mammo'] == __version__
    assert (record['epoch'], record['iter'], record['trained_only']) == (1, 2, False)
    assert record['threshold'] == 0.5
    index = hashlib.sha256((prepared / 'index.csv').read_bytes()).hexdigest()
    data = record['trained_on']['train']
    assert (data['images'], data['patients'], data['index_sha256']) == (4, 2, index)
    assert data['annotated'] == {'lesion': 3, 'normal': 1}
    assert record['trained_on']['val']['images'] == 2
    assert record['images']['count'] == 4
    assert record['images']['quantiles']['height'] == [80.0] * 9
    assert record['images']['quantiles']['bits'] == [16.0] * 9
    assert [len(row) for row in record['images']['features']['values']] == [len(FEATURES)] * 4
    (found,) = record['base']
    assert (found['role'], found['file'], found['base']) == ('pretrained', base, [])
    assert found['sha256'] == hashlib.sha256(Path(base).read_bytes()).hexdigest()
    assert found['licence'] == 'CC-BY-NC-4.0'
    assert record['config']['model']['backbone']['pretrained'] == base
    assert not {'work_dir', 'load_from', 'resume', 'launcher'} & record['config'].keys()


def test_no_patient_is_named(vpt, prepared):
    text = json.dumps(read_record(vpt[0] / 'epoch_1.pth'))
    for name in ('"A"', '"B"', 'images/0.png', '0.png'):
        assert name not in text


def test_the_best_checkpoint_knows_its_score(vpt):
    folder, _ = vpt
    (best,) = folder.glob('best_lesion_dice_*.pth')
    record = read_record(best)
    assert record['best_score'].keys() == {'lesion_dice'}
    assert record['best_score'] == read_record(folder / 'epoch_1.pth')['best_score']


def test_the_chain_of_base_files_goes_on(vpt, prepared, tmp_path):
    """From a pre-trained file over a first training to a second one, which is resumed."""
    folder, base = vpt
    first = str(folder / 'epoch_1.pth')

    def second(epochs):
        cfg = shrink('setr_pup_vpt_cbis', prepared, tmp_path, epochs, base)
        cfg.load_from = first
        return cfg

    train(second(1))
    found = read_record(tmp_path / 'epoch_1.pth')['base']
    assert [one['role'] for one in found] == ['pretrained', 'load_from']
    assert found[1]['file'] == first
    assert found[1]['licence'] == 'unknown'  # of a file; that of what it began from is known
    assert found[1]['base'] == read_record(folder / 'epoch_1.pth')['base']
    cfg = second(2)
    cfg.resume, cfg.load_from = True, str(tmp_path / 'epoch_1.pth')  # as the command sets it
    train(cfg)
    assert read_record(tmp_path / 'epoch_2.pth')['base'] == found
    cfg = second(3)
    cfg.resume, cfg.load_from = True, None  # as MMSegmentation's tool does
    train(cfg)
    assert read_record(tmp_path / 'epoch_3.pth')['base'] == found


def test_a_training_goes_on_from_a_checkpoint_without_a_record(vpt, prepared, tmp_path):
    folder, base = vpt
    shutil.copytree(folder, tmp_path / 'a')
    last = tmp_path / 'a' / 'epoch_1.pth'
    last.write_bytes(without_record(last))
    (tmp_path / 'a' / 'last_checkpoint').write_text(str(last))
    assert read_record(last) is None
    cfg = shrink('setr_pup_vpt_cbis', prepared, tmp_path / 'a', 2, base)
    cfg.resume = True
    train(cfg)
    (found,) = read_record(tmp_path / 'a' / 'epoch_2.pth')['base']
    assert found['file'] == base


def without_record(path):
    out = BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, 'w') as new:
        for name in old.namelist():
            if not name.endswith('mmseg_mammo.json'):
                new.writestr(name, old.read(name))
    return out.getvalue()


@pytest.mark.parametrize('name', ['unet_cbis', 'sam_finetune_cbis', 'setr_pup_vpt_strong_cbis'])
def test_the_input_is_that_of_a_test(name):
    cfg = Config.fromfile(find_config(name))
    found = describe_input(cfg)
    assert found['size'] == cfg.model.data_preprocessor.size
    assert found['mean'] == cfg.model.data_preprocessor.mean
    kinds = [step['type'] for step in found['steps']]
    assert kinds[:2] == ['ReadMammogram', 'MapIntensity']
    assert ('MammoCLAHE' in kinds) == ('sam' not in name)
    assert not any(kind.startswith(('Random', 'LoadLesion', 'Pack')) for kind in kinds)
    wrapped = {'type': 'ConcatDataset', 'datasets': [cfg.test_dataloader.dataset]}
    cfg.test_dataloader.dataset = wrapped
    assert describe_input(cfg) == found


class Images:
    """A data set of a user's own."""

    def __len__(self):
        return 5


def test_other_data_sets_are_counted_alone():
    found = describe_images(Images())
    assert (found['count'], found['quantiles']) == (0, {})
    assert preparation_of(Images()) == {}


def test_an_image_that_cannot_be_read_is_left_to_the_training(vpt, prepared, tmp_path):
    data = shutil.copytree(prepared, tmp_path / 'data')
    cfg = shrink('unet_cbis', data, tmp_path)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    (data / 'images' / '0.png').write_bytes(b'')
    (data / 'images' / '1.png').unlink()
    assert describe_images(dataset)['count'] == 2
    assert preparation_of(dataset) == {}
    options = {'long_side': 800, 'voi': True}
    (data / 'preparation.json').write_text(json.dumps({'input': '/raw/Ms Doe', **options}))
    assert preparation_of(dataset) == options
    (data / 'preparation.json').write_text('{')
    assert preparation_of(dataset) == {}


def test_a_config_of_no_file_has_no_name(prepared, tmp_path):
    cfg = Config(shrink('unet_cbis', prepared, tmp_path).to_dict())
    runner = SimpleNamespace(cfg=cfg, model=Model(), train_loop=loop(), val_loop=None)
    assert describe_training(runner)['name'] == 'unnamed'


def test_a_head_of_several_or_of_two_channels_is_described(prepared, tmp_path):
    """A cascade's; and mmseg's own of two, which has no threshold."""
    cfg = shrink('unet_cbis', prepared, tmp_path)
    head = cfg.model.decode_head
    head.update(out_channels=2, threshold=None)
    for heads in (head, [head, head]):
        cfg.model.decode_head = heads
        runner = SimpleNamespace(cfg=cfg, model=Model(), train_loop=loop(), val_loop=None)
        record = describe_training(runner)
        assert (record['threshold'], record['name']) == (0.5, 'unet_cbis')
        assert record['trained_on'] == {'train': {'type': 'Images', 'images': 5}}
        assert record['base'] == []


class Model:
    """A model without base."""

    def modules(self):
        return []


def loop():
    return SimpleNamespace(dataloader=SimpleNamespace(dataset=Images()))


def test_what_was_loaded_from_the_web_is_named_without_a_hash(prepared, tmp_path):
    cfg = shrink('unet_cbis', prepared, tmp_path)
    cfg.load_from = 'https://example.org/sam_vit_b_01ec64.pth'
    runner = SimpleNamespace(cfg=cfg, model=Model(), train_loop=loop(), val_loop=None)
    (base,) = describe_training(runner)['base']
    assert (base['file'], base['sha256']) == (cfg.load_from, None)
    assert base['licence'] == 'Apache-2.0'
    assert save(tmp_path / 'a.pth', RECORD | {'base': [base]})

"""Whole: settings, weights, record and file of a model made of trained ones."""

import torch
from experiments import shrink
from tiny_models import save_checkpoint

from mmseg_mammo.engine.checkpoint import load_model
from mmseg_mammo.engine.steps.whole import (
    build_whole,
    describe_part,
    describe_whole,
    of_tests,
    write_model,
)
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.studies.few.fold_configs import dataset_of, joined_config, learned_rows


def make(prepared, tmp_path):
    cfg = shrink('unet_cbis', prepared, tmp_path / 'work')
    files = []
    for seed in (1, 2):
        (tmp_path / str(seed)).mkdir()
        files.append(save_checkpoint(tmp_path / str(seed) / 'x.pth', 'unet_cbis', prepared, seed))
    rows = learned_rows(dataset_of(cfg))
    joined = joined_config(cfg, {row.image: 1 for row in rows}, 2, rows)
    parts = {f'members.{n}': (cfg, file) for n, file in enumerate(files)}
    return joined, files, build_whole(joined, parts)


def test_the_weights_of_all_parts_are_in_one_file_with_its_record(prepared, tmp_path):
    joined, files, model = make(prepared, tmp_path)
    records = {f'fold {n}': read_record(file) for n, file in enumerate(files, 1)}
    record = describe_whole(joined, records, 'fold 1')
    facts = write_model(tmp_path / 'whole.pth', model, record)
    assert facts['checkpoint'] == 'whole.pth'
    state = torch.load(tmp_path / 'whole.pth', weights_only=False)['state_dict']
    for number, file in enumerate(files):
        own = torch.load(file, weights_only=False)['state_dict']
        assert all(torch.equal(state[f'members.{number}.{key}'], own[key]) for key in own)
    assert read_record(tmp_path / 'whole.pth')['model'] == 'FoldSegmentor'
    loaded = load_model(None, tmp_path / 'whole.pth')
    assert len(loaded.members) == 2


def test_a_part_is_known_by_the_hash_of_its_file(prepared, tmp_path):
    _, files, _ = make(prepared, tmp_path)
    found = describe_part(files[0], {'name': 'x', 'base': []})
    assert (found['name'], len(found['sha256'])) == ('x', 64)
    assert 'base' not in found


def test_what_is_of_a_training_is_left_out(prepared):
    cfg = shrink('unet_cbis', prepared, 'work')
    found = of_tests(cfg)
    assert not {'train_dataloader', 'train_cfg', 'val_dataloader', 'optim_wrapper'} & set(found)
    assert found['test_dataloader'] and found['model']

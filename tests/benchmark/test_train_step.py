"""Sides alternate on one batch; a row says what was measured, also of a side that failed."""

import json
import weakref

import pytest
import torch
from experiments import shrink
from torch import nn

from mmseg_mammo.benchmark.batch import synthetic_batch
from mmseg_mammo.benchmark.peers import with_peer
from mmseg_mammo.benchmark.table import lines
from mmseg_mammo.benchmark.train_step import (
    Side,
    alternate,
    build_model,
    compare,
    describe,
    held_bytes,
    measure,
)


@pytest.fixture
def config(tmp_path):
    """A shrunk experiment; no image of it is read."""
    return lambda name: shrink(name, tmp_path, tmp_path)


def test_a_row_holds_both_sides_with_the_same_loss_and_weights(config):
    row = measure(config('setr_pup_vpt_cbis'), ['mmseg', 'timm'], synthetic_batch(2, 32, 32), 1, 3)
    ours, *peers = row['sides']
    assert [side['name'] for side in row['sides']] == ['ours', 'mmseg', 'timm']
    assert (row['batch_size'], row['input'], row['precision']) == (2, [32, 32], 'OptimWrapper')
    for peer in peers:
        assert peer['loss'] == pytest.approx(ours['loss'], rel=1e-5)
        for fact in ('parameters', 'trained', 'model_bytes'):
            assert peer[fact] == ours[fact] > 0
        ratios = row['ratios'][peer['name']]
        assert ratios['time'][0] <= ratios['time'][1] <= ratios['time'][2]
        assert len(ratios['cpu_time']) == 3
    for side in row['sides']:
        assert (len(side['seconds']), side['error'], side['uncounted']) == (3, None, [])
        assert side['images_per_second'] == pytest.approx(2 / side['median_seconds'])
        expected = side['flops'] / side['median_seconds']
        assert side['flops_per_second'] == pytest.approx(expected)
    # The same kernel as timm's, but nothing of prompts that are replaced; mmseg's attention
    # multiplies what timm's does, but not twice going back.
    assert peers[1]['flops'] > peers[0]['flops'] > ours['flops']
    assert json.loads(json.dumps(row, allow_nan=False)) == row


def test_a_model_alone_is_measured_also_in_mixed_precision(config):
    cfg = config('unet_strong_cbis')
    cfg.optim_wrapper.type = 'BFloat16OptimWrapper'
    row = measure(cfg, [], synthetic_batch(2, 32, 32), 1, 1)
    assert (len(row['sides']), row['ratios']) == (1, {})
    assert row['precision'] == 'BFloat16OptimWrapper'
    assert row['sides'][0]['flops'] > 0


def test_files_of_weights_and_embeddings_are_not_read(tmp_path):
    for name in ('setr_pup_lora_cbis', 'sam_lora_cbis', 'sam_decoder_cbis'):
        cfg = shrink(name, tmp_path, tmp_path, pretrained='/absent/weights.pth')
        build_model(cfg)
        assert '/absent/weights.pth' in cfg.pretty_text  # the config is left as it is
    measure(cfg, [], synthetic_batch(1, 32, 32), 1, 1)
    assert not [*tmp_path.iterdir()]


def test_what_checkpointing_computes_again_counts_again(config):
    found = {}
    for again in (False, True):
        cfg = config('sam_finetune_cbis')
        cfg.model.image_encoder.checkpointing = again
        row = measure(cfg, ['segment-anything'], synthetic_batch(1, 32, 32), 1, 1)
        ours, theirs = row['sides']
        assert ours['loss'] == pytest.approx(theirs['loss'], rel=1e-5)
        found[again] = (ours['flops'], theirs['flops'])
    assert found[True][0] > found[False][0]
    assert found[True][1] == found[False][1]


def test_a_peer_that_does_not_fit_is_a_line_and_the_others_are_compared(config):
    cfg = config('sam_finetune_cbis')
    row = measure(cfg, ['timm', 'segment-anything'], synthetic_batch(1, 32, 32), 1, 1)
    ours, timm, metas = row['sides']
    assert metas['loss'] == pytest.approx(ours['loss'], rel=1e-5)
    assert (timm['error'], timm['seconds']) == ('does not fit', [])
    assert 'the encoder of this config is SAMImageEncoder' in timm['reason']
    assert row['ratios']['timm'] == {'time': None, 'cpu_time': None, 'memory': None}
    assert row['ratios']['segment-anything']['time']
    cells = [*lines(row)][1].split(' | ')
    assert cells[3:5] == ['timm', 'does not fit']
    assert {cell.strip(' |') for cell in cells[5:]} == {'–'}


def test_sides_take_turns():
    sides, seen = [Side('a', None), Side('b', None)], []
    alternate(sides, [lambda side, n=n: seen.append((n, side.name)) for n in range(3)])
    assert seen == [(0, 'a'), (0, 'b'), (1, 'a'), (1, 'b'), (2, 'a'), (2, 'b')]


@pytest.mark.parametrize(
    ('name', 'peer'), [('sam_finetune_cbis', 'segment-anything'), ('setr_pup_vpt_cbis', 'timm')]
)
def test_our_model_that_runs_out_of_memory_is_gone_though_its_peer_was_made_of_it(
    name, peer, config
):
    model = build_model(config(name))
    sides = [Side('ours', model), Side(peer, with_peer(model, peer))]
    parts = [weakref.ref(module) for module in model.modules()]
    del model

    def act(side):
        if side.name == 'ours':
            raise torch.cuda.OutOfMemoryError('CUDA out of memory')

    alternate(sides, [act])
    assert not [part for part in parts if part() is not None]
    sides[1].model.load_state_dict(sides[1].model.state_dict())


def test_after_a_side_ran_out_of_memory_the_other_goes_on():
    sides = [Side('a', nn.Linear(1, 1)), Side('b', nn.Linear(1, 1))]

    def act(side):
        if side.name == 'a' and side.seconds:
            raise torch.cuda.OutOfMemoryError('CUDA out of memory')
        side.seconds.append(2.0)
        side.cpu_seconds.append(1.0)

    alternate(sides, [act] * 3)
    assert [(side.error, len(side.seconds)) for side in sides] == [('out of memory', 1), (None, 3)]
    assert sides[0].model is None
    assert compare(*sides) == {'time': [1.0, 1.0, 1.0], 'cpu_time': [1.0, 1.0, 1.0], 'memory': None}
    assert describe(Side('a', None, error='out of memory'), 8)['error'] == 'out of memory'


def test_a_model_that_does_not_fit_at_all_is_a_row(config, monkeypatch):
    def full(*args, **kwargs):
        raise torch.cuda.OutOfMemoryError('CUDA out of memory')

    monkeypatch.setattr('mmseg_mammo.benchmark.train_step.build_optim_wrapper', full)
    row = measure(config('setr_pup_vpt_cbis'), ['timm'], synthetic_batch(1, 32, 32), 1, 1)
    assert [side['error'] for side in row['sides']] == ['out of memory'] * 2
    assert row['ratios'] == {'timm': {'time': None, 'cpu_time': None, 'memory': None}}


def test_ratios_are_taken_pair_by_pair():
    ours = Side('ours', None, facts={'step_peak_bytes': 30}, seconds=[1, 2, 30, 4, 5])
    peer = Side('peer', None, facts={'step_peak_bytes': 60}, seconds=[2, 2, 10, 2, 1])
    # 0.5, 1, 3, 2, 5; the ratio of the medians would be 2.
    assert compare(ours, peer) == {'time': [1, 2, 3], 'cpu_time': None, 'memory': 0.5}


def test_weights_buffers_and_the_optimisers_state_are_what_a_model_holds():
    model = nn.BatchNorm1d(10)  # 2 × 10 weights, 2 × 10 buffers in float32, a counter in int64
    optimizer = torch.optim.SGD(model.parameters(), lr=1, momentum=0.9)
    model(torch.randn(4, 10)).sum().backward()
    optimizer.step()

    class Wrapper:
        pass

    Wrapper.optimizer = optimizer
    assert held_bytes(model, Wrapper) == 4 * (20 + 20 + 20) + 8

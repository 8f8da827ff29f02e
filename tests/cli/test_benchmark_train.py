"""``benchmark train``: rows printed and written, and what is refused."""

import json

import pytest
import torch
from tool_calls import CBIS, OURS, ZGT, call, options

from mmseg_mammo.benchmark import peers
from mmseg_mammo.cli.benchmark_train import PEERS


def test_a_benchmark_prints_a_row_for_each_batch_size_and_writes_them(
    prepared, tmp_path, monkeypatch, capsys
):
    out = tmp_path / 'benchmark.json'
    arguments = ['train', CBIS, '--out', out, '--against', 'timm', '--side', '32', '--amp']
    arguments += ['--batch-size', 1, 2, '--steps', 1, '--warmup', 1, '--data']
    settings = ['--cfg-options', *options(prepared, 'train')]
    call(monkeypatch, OURS / 'benchmark.py', *arguments, *settings)
    printed = capsys.readouterr().out
    found = json.loads(out.read_text(), parse_constant=pytest.fail)
    for row, images in zip(found['rows'], (1, 2), strict=True):
        assert (row['batch_size'], row['input']) == (images, [32, 32])
        assert row['precision'] == 'BFloat16OptimWrapper' or torch.cuda.is_available()
        ours, theirs = row['sides']
        assert theirs['loss'] == pytest.approx(ours['loss'], rel=1e-2)
        for name in ('ours', 'timm'):
            assert f'| setr_pup_vpt_cbis | 32×32 | {images} | {name} |' in printed
    assert str(out) in printed
    with pytest.raises(SystemExit, match=r'^error: .*benchmark\.json: it exists'):
        call(monkeypatch, OURS / 'benchmark.py', *arguments, *settings)


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        ((ZGT,), r'it has no training'),
        ((CBIS.replace('setr_pup_vpt', 'sam_zeroshot'),), r'it has no training'),
        (('setr_pup_finetune_fsdp_cbis',), r'a split model'),
        ((CBIS, '--against', 'timm', 'segment-anything'), r'segment-anything: no config here has'),
        ((CBIS, '--steps', 0), r'--steps 0. Allowed: numbers from 1 on'),
        ((CBIS, '--batch-size', 4, 0), r'--batch-size \[4, 0\]'),
    ],
)
def test_a_benchmark_says_what_it_cannot_measure(arguments, said, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=rf'^error: .*{said}'):
        call(monkeypatch, OURS / 'benchmark.py', 'train', *arguments)
    assert not [*tmp_path.iterdir()]


def test_the_peers_of_the_parser_are_those_that_can_be_measured():
    assert tuple(peers.PEERS) == PEERS

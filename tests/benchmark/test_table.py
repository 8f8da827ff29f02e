"""The table is Markdown; the file is JSON that overwrites nothing."""

import json

import pytest

from mmseg_mammo.benchmark.table import claim_file, header, lines, picture_of, write_results
from mmseg_mammo.errors import MammoError

OURS = {
    'name': 'ours',
    'error': None,
    'loss': 0.5,
    'flops': 6_000_000_000,
    'median_seconds': 2.0,
    'images_per_second': 4.0,
    'flops_per_second': 3_000_000_000.0,
    'step_peak_bytes': 3 * 2**20,
    'model_bytes': 2**30,
}
ROW = {
    'config': 'configs/unet_cbis.py',
    'input': [32, 48],
    'batch_size': 8,
    'sides': [OURS, {'name': 'timm', 'error': 'out of memory'}],
    'ratios': {'timm': {'time': [0.5, 0.75, 1.0], 'cpu_time': None, 'memory': None}},
}


def test_a_line_for_each_side_with_a_cell_for_each_column():
    ours, theirs = (line.split(' | ') for line in lines(ROW))
    names, dashes = header().splitlines()
    assert len(ours) == len(theirs) == len(names.split(' | ')) == dashes.count('---')
    assert ' | '.join(ours) == (
        '| unet_cbis | 32×48 | 8 | ours | 2.000 | 4.00 | 6.0 | 3.0 | 3 | 1,024 | 0.500000 '
        '| – | – | – |'
    )
    assert ' | '.join(theirs) == (
        '| unet_cbis | 32×48 | 8 | timm | out of memory | – | – | – | – | – | – '
        '| 0.75 (0.50 to 1.00) | – | – |'
    )


def test_the_file_says_what_was_measured_on_what(tmp_path):
    path = tmp_path / 'a.json'
    claim_file(path)
    write_results(path, [{**ROW, 'loss': float('nan')}], steps=3)
    found = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert found['rows'][0]['loss'] is None
    assert found['rows'][0]['sides'] == ROW['sides']
    assert found['steps'] == 3
    assert {'device', 'threads', 'cpus', 'git'} <= set(found)
    assert {'torch', 'timm', 'python'} <= set(found['versions'])


def test_a_result_is_never_overwritten(tmp_path):
    path = tmp_path / 'a.json'
    path.write_text('{}')
    with pytest.raises(MammoError, match=r'a\.json: it exists.*no result is overwritten'):
        claim_file(path)
    assert path.read_text() == '{}'
    with pytest.raises(MammoError, match=r'No such file or directory'):
        claim_file(tmp_path / 'absent' / 'a.json')


def test_a_picture_is_never_overwritten_and_is_not_the_file_itself(tmp_path):
    picture_of(tmp_path / 'a.json').write_text('')
    with pytest.raises(MammoError, match=r'a\.png exists'):
        claim_file(tmp_path / 'a.json')
    with pytest.raises(MammoError, match=r'b\.png.*its picture'):
        claim_file(tmp_path / 'b.png')
    assert [path.name for path in tmp_path.iterdir()] == ['a.png']

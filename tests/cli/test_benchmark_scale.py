"""``benchmark scale``: only what is named is measured."""

import json

import pytest
from tool_calls import CBIS, OURS, call, options


def test_rows_for_each_value(prepared, tmp_path, monkeypatch, capsys):
    out = tmp_path / 'a.json'
    arguments = ['scale', CBIS, '--sides', 32, '--batch-sizes', 1, 2, '--prompts', 0, '--rows', 20]
    arguments += ['--workers', 0, '--steps', 1, '--images', 2, '--out', out]
    settings = [*options(prepared, 'train'), 'model.data_preprocessor.size=(32,32)']
    settings += ['model.backbone.img_size=32']
    call(monkeypatch, OURS / 'benchmark.py', *arguments, '--cfg-options', *settings)
    rows = json.loads(out.read_text(), parse_constant=pytest.fail)['rows']
    measured = [('sides', 32), ('batch_sizes', 1), ('batch_sizes', 2), ('prompts', 0)]
    assert [(r['over'], r['value']) for r in rows] == [*measured, ('workers', 0), ('rows', 20)]
    assert all(row['seconds'] > 0 for row in rows)
    assert '| batch sizes | 2 |' in capsys.readouterr().out
    assert (tmp_path / 'a.png').is_file()


@pytest.mark.parametrize(
    ('config', 'arguments', 'said'),
    [
        ('unet_cbis', ('--prompts', 4), r'--prompts: unet_cbis has none'),
        (CBIS, ('--prompts', -1), r'--prompts -1'),
        (CBIS, ('--batch-sizes', 0), r'--batch-sizes'),
        ('unet_cbis', ('--workers', 0), r'.*no index\.csv'),
    ],
)
def test_what_cannot_be_measured_is_refused(config, arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=rf'^error: {said}'):
        call(monkeypatch, OURS / 'benchmark.py', 'scale', config, *arguments)

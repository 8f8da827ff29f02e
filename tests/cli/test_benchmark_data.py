"""``benchmark data``: preparation, files, DICOM files and the cache, each a row."""

import json

import cv2
import pytest
from tool_calls import CBIS, OURS, call, options


def test_phantoms_are_prepared_and_loaded_in_all_ways(tmp_path, monkeypatch, capsys):
    out = tmp_path / 'a.json'
    arguments = ['data', CBIS, '--phantoms', 6, '--height', 96, '--side', 32, '--out', out]
    arguments += ['--workers', 0, '--jobs', 1, '--seconds', 0.01, '--step-seconds', 0.001]
    settings = ['--cfg-options', 'train_dataloader.batch_size=2', 'train_dataloader.num_workers=0']
    call(monkeypatch, OURS / 'benchmark.py', *arguments, *settings)
    found = json.loads(out.read_text(), parse_constant=pytest.fail)
    assert [row['name'] for row in found['preparation']] == [
        'mammoseg prepare-cbis',
        'pydicom and OpenCV',
    ]
    kinds = [row['pixels'] for row in found['rows']]
    assert kinds == ['DICOM', 'files', 'filling the cache', 'cache']
    assert found['rows'][2]['images'] >= 4
    assert found['workers_needed']['0.001'].keys() == {'DICOM', 'files', 'cache'}
    printed = capsys.readouterr().out
    assert '| cache | 0 |' in printed
    assert 'needs so many workers' in printed
    assert cv2.imread(str(tmp_path / 'a.png')).shape[2] == 3


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        (('--workers', -1), r'--workers -1'),
        (('--seconds', 0), r'--seconds'),
        (('--jobs', 0), r'--jobs'),
    ],
)
def test_numbers_that_mean_nothing_are_refused(arguments, said, prepared, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = ['--cfg-options', *options(prepared, 'train')]
    with pytest.raises(SystemExit, match=rf'^error: {said}'):
        call(monkeypatch, OURS / 'benchmark.py', 'data', CBIS, *arguments, *settings)
    assert not [*tmp_path.iterdir()]

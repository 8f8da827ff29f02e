"""``benchmark pixels``: each codec a row of a table, a file and a picture."""

import json
import sys

import pytest
from prepared_sets import write_prepared
from tool_calls import OURS, call

from mmseg_mammo.io.pixel_cache.packing import find_codec


@pytest.fixture
def images(tmp_path):
    return sorted((write_prepared(tmp_path / 'set', 2) / 'images').glob('*.png'))


@pytest.mark.parametrize('more', [[], ['--clahe']])
def test_codecs_are_compared_on_images(images, tmp_path, monkeypatch, capsys, more):
    out = tmp_path / 'a.json'
    arguments = ['pixels', *images, '--repeats', 2, '--out', out, *more]
    call(monkeypatch, OURS / 'benchmark.py', *arguments)
    found = json.loads(out.read_text(), parse_constant=pytest.fail)
    assert found['images'] == 2
    assert found['kinds'] == ['160×120 uint8']
    assert found['rows'][0]['codec'] == 'PNG'
    printed = capsys.readouterr().out
    for row in found['rows']:
        assert f'| {row["codec"]} |' in printed
    assert (tmp_path / 'a.png').is_file()


def test_without_imagecodecs_it_says_what_to_install(images, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'imagecodecs', None)
    monkeypatch.chdir(tmp_path)
    find_codec.cache_clear()
    with pytest.raises(SystemExit, match=r"^error: imagecodecs is not installed.*'\.\[dicom\]'"):
        call(monkeypatch, OURS / 'benchmark.py', 'pixels', *images)
    find_codec.cache_clear()
    assert not [*tmp_path.glob('*.json')]

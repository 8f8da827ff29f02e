"""A checkpoint is data: what would run code is refused, what MMEngine saves is read."""

import os
import shutil

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader

from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.models.safe_loading import load_plain, safe_loading


class Malicious:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return os.mkdir, (self.folder,)


class Getattr:
    """Reaches for the globals of a module through an allowed class."""

    def __reduce__(self):
        return getattr, (HistoryBuffer.mean, '__globals__')


@pytest.fixture(params=['2.6', 'earlier'], autouse=True)
def reader(request, monkeypatch):
    """How torch from 2.6 on reads, where that is here; and how earlier ones do."""
    if request.param == 'earlier':
        monkeypatch.delattr(torch.serialization, 'get_unsafe_globals_in_checkpoint', raising=False)


@pytest.fixture
def saved(tmp_path):
    def save(**content):
        path = tmp_path / 'a.pth'
        torch.save({'state_dict': {'w': torch.arange(3.0)}, **content}, path)
        return path

    return save


def test_what_mmengine_saves_is_read(saved):
    buffer = HistoryBuffer()
    buffer.update(0.25)
    hub = {'log_scalars': {'loss': buffer}, 'runtime_info': {'best': np.float64(0.5)}}
    path = saved(message_hub=hub, meta={'seed': np.int64(3), 'rng': np.arange(4, dtype='u4')})
    found = load_plain(path)
    assert found['state_dict']['w'].tolist() == [0, 1, 2]
    assert found['message_hub']['log_scalars']['loss'].current() == 0.25
    assert found['message_hub']['log_scalars']['loss'].mean() == 0.25
    assert found['message_hub']['runtime_info']['best'] == 0.5
    assert found['meta']['rng'].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize('evil', [Malicious, lambda _: Getattr()], ids=['call', 'getattr'])
def test_code_in_a_file_is_not_run(evil, saved, tmp_path):
    path = saved(meta=evil(tmp_path / 'made'))
    with pytest.raises(CheckpointError, match=r'a\.pth: holds more than tensors and plain data'):
        load_plain(path)
    assert not (tmp_path / 'made').exists()


def test_also_where_mmengine_loads(saved, tmp_path):
    path = saved(meta=Malicious(tmp_path / 'made'))
    with safe_loading(), pytest.raises(CheckpointError, match='holds more than'):
        CheckpointLoader.load_checkpoint(str(path), map_location='cpu')
    assert not (tmp_path / 'made').exists()
    with safe_loading():
        plain = CheckpointLoader.load_checkpoint(str(saved()), map_location='cpu')
        assert plain['state_dict'].keys() == {'w'}
        with pytest.raises(FileNotFoundError):
            CheckpointLoader.load_checkpoint(str(tmp_path / 'b.pth'))


@pytest.fixture
def web(saved, tmp_path, monkeypatch):
    """A web whose every file is a malicious one, but those that are called good."""
    monkeypatch.setattr('torch.hub.get_dir', lambda: str(tmp_path / 'hub'))

    def download(url, path, **_):
        content = {} if 'good' in url else {'meta': Malicious(tmp_path / 'made')}
        shutil.copy(saved(**content), path)

    monkeypatch.setattr('torch.hub.download_url_to_file', download)


@pytest.mark.parametrize(
    'address', ['http://a.org/x/evil.pth', 'https://a.org/evil.pth?b=1', 'mmcls://vgg11']
)
def test_also_from_the_web(address, web, tmp_path):
    with safe_loading(), pytest.raises(CheckpointError, match='holds more than'):
        CheckpointLoader.load_checkpoint(address, map_location='cpu')
    assert not (tmp_path / 'made').exists()


def test_a_file_of_the_web_is_kept(web, tmp_path):
    with safe_loading():
        found = CheckpointLoader.load_checkpoint('https://a.org/x/good.pth?y=../z')
    assert found['state_dict'].keys() == {'w'}
    assert [path.name for path in (tmp_path / 'hub' / 'checkpoints').iterdir()] == ['good.pth']


@pytest.mark.parametrize('address', ['s3://a/b.pth', 'petrel://a/b.pth', 'pavi://a/b.pth'])
def test_other_stores_are_refused(address):
    with safe_loading(), pytest.raises(CheckpointError, match='not a local file'):
        CheckpointLoader.load_checkpoint(address)


def test_mmengines_own_loaders_are_back_afterwards(monkeypatch):
    monkeypatch.setattr(CheckpointLoader, '_schemes', {'': print})  # a command may have been called
    before = dict(CheckpointLoader._schemes)
    with safe_loading():
        assert CheckpointLoader._schemes != before
    assert CheckpointLoader._schemes == before


def test_mmengines_own_loader_would_run_it(saved, tmp_path):
    """Else the tests above would prove nothing."""
    path = saved(meta=Malicious(tmp_path / 'made'))
    torch.load(path, weights_only=False)
    assert (tmp_path / 'made').is_dir()


def test_a_damaged_file_is_told_from_one_that_holds_code(saved):
    path = saved()
    content = bytearray(path.read_bytes())
    start = content.index(b'data.pkl') + 80
    content[start : start + 60] = bytes(60)
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r'a\.pth: damaged inside'):
        load_plain(path)


def test_what_names_no_weights_is_refused(tmp_path):
    torch.save([torch.zeros(1)], tmp_path / 'a.pth')
    with pytest.raises(CheckpointError, match=r'a\.pth: holds a list, not weights'):
        load_plain(tmp_path / 'a.pth')

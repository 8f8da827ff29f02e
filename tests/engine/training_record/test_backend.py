"""The file backend: a record once, and never half a file."""

import io

import pytest
import torch
from records import RECORD

from mmseg_mammo.engine.training_record.backend import AtomicBackend
from mmseg_mammo.io.checkpoint_record import read_record


@pytest.fixture
def content():
    stream = io.BytesIO()
    torch.save({'a': torch.zeros(2)}, stream)
    return stream.getvalue()


def test_the_record_goes_into_the_next_file_alone(content, tmp_path):
    AtomicBackend.record = RECORD
    for name in ('a.pth', 'b.pth'):
        AtomicBackend().put(content, tmp_path / name)
    assert read_record(tmp_path / 'a.pth')['name'] == 'unet_cbis'
    assert (tmp_path / 'b.pth').read_bytes() == content
    assert torch.load(tmp_path / 'a.pth')['a'].tolist() == [0, 0]


def test_a_file_stays_what_it_was_if_writing_fails(tmp_path):
    (tmp_path / 'a.pth').write_bytes(b'earlier')
    AtomicBackend.record = RECORD
    with pytest.raises(IndexError):
        AtomicBackend().put(b'no archive', tmp_path / 'a.pth')
    assert (tmp_path / 'a.pth').read_bytes() == b'earlier'
    assert AtomicBackend.record is None

"""Checkpoint files: PyTorch's are let through, others are called what they are."""

import torch
from bad_files import FILES

from mmseg_mammo.io.checkpoint_file import fault_of_file

KINDS = {
    'empty.pth': 'an empty file',
    'text.pth': 'a text file',
    'login.pth': 'a web page',
    'pointer.pth': 'a pointer of Git LFS',
    'model.safetensors': 'weights of safetensors',
    'keras.pth': 'a ZIP archive without weights',
    'script.pth': 'a program of TorchScript',
    'legacy.pth': 'a bare pickle',
    'pickle.pth': 'a bare pickle',
}


def test_what_torch_saves_is_a_checkpoint_until_it_is_cut(tmp_path):
    path = tmp_path / 'a.pth'
    torch.save({'state_dict': {'w': torch.zeros(1000)}}, path)
    assert fault_of_file(path) is None
    path.write_bytes(path.read_bytes()[:-100])
    assert fault_of_file(path) == (
        'not a complete PyTorch checkpoint',
        'Copy it again and compare its size',
    )


def test_other_files_are_called_what_they_are(tmp_path):
    for name, kind in KINDS.items():
        path = tmp_path / name
        FILES[name](path, None)
        what, _ = fault_of_file(path)
        assert what.startswith(kind)


def test_hdf5_is_known_by_its_first_bytes(tmp_path):
    path = tmp_path / 'model.h5'
    path.write_bytes(b'\x89HDF\r\n\x1a\n' + bytes(100))
    assert fault_of_file(path) == ('HDF5, as of Keras', '')


def test_an_onnx_file_is_no_checkpoint(tmp_path):
    (tmp_path / 'a.onnx').write_bytes(b'\x08\x08')
    what, remedy = fault_of_file(tmp_path / 'a.onnx')
    assert what == 'a model as ONNX'
    assert 'predict' in remedy

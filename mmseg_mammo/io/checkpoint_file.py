"""Checkpoint files: tells one that PyTorch wrote from what else goes by such a name."""

import zipfile
from pathlib import Path

from mmseg_mammo.io.onnx.metadata import is_onnx

CHECKPOINTS = 'a file that mammoseg train or MMEngine saved'
_COPY = 'Copy it again and compare its size'
# What is in such a file by its first bytes, and what to do about it.
_OTHERS = {
    b'version https://git-lfs': ('a pointer of Git LFS, not the file itself', 'Run git lfs pull'),
    b'<': (
        'a web page, whatever its name says',
        'Download the file itself; its site may ask you to sign in',
    ),
    b'\x80': (
        'a bare pickle, as torch before 1.6 wrote',
        'Load and save it again with a later torch, if you trust who made it',
    ),
    b'\x89HDF': ('HDF5, as of Keras', ''),
}


def fault_of_file(path: Path) -> tuple[str, str] | None:
    """What a file is that is no checkpoint of PyTorch, and what to do about it.

    Only its head and its list of contents are read. A file that was cut has lost that list.

    Args:
        path: A file that can be read.

    Returns:
        None where nothing is wrong.
    """
    if is_onnx(path):
        return 'a model as ONNX', 'Take the checkpoint; predict and info take such a file too'
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            members = [name.rpartition('/')[2] for name in archive.namelist()]
        if 'constants.pkl' in members:
            return 'a program of TorchScript', ''
        return None if 'data.pkl' in members else ('a ZIP archive without weights of PyTorch', '')
    with path.open('rb') as stream:
        head = stream.read(512)
    if not head:
        return 'an empty file', _COPY
    for mark, found in _OTHERS.items():
        if head.lstrip().startswith(mark):
            return found
    if head[8:10] == b'{"':
        return 'weights of safetensors, without a config', 'They can start a training as pretrained'
    if head.isascii() and b'\0' not in head:
        return 'a text file', ''
    return 'not a complete PyTorch checkpoint', _COPY

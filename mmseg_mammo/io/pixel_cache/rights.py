"""Rights: who may read and write a cache."""

import contextlib
import os
import stat
from pathlib import Path


class Rights:
    """Who may read and write a cache: who may read and write the data that it is made from.

    Args:
        data: A file of the data, such as its index.
    """

    def __init__(self, data: Path) -> None:
        file, folder = data.stat(), data.absolute().parent.stat()
        self.group = file.st_gid
        self.file = stat.S_IMODE(file.st_mode) & 0o666 | 0o600
        self.folder = stat.S_IMODE(folder.st_mode) & 0o2777 | 0o700

    def make_folder(self, path: Path) -> None:
        """Make a folder, if it is not there; its parents have to be.

        Raises:
            OSError: It cannot be made.
        """
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            return
        self._give(os.open(path, os.O_RDONLY), self.folder, close=True)

    def open_file(self, path: Path) -> int:
        """Open a file to read and write; make it if it is not there.

        Returns:
            Its descriptor.

        Raises:
            OSError: It cannot be opened.
        """
        flags = os.O_RDWR | os.O_CLOEXEC
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, flags)
        try:
            file = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:  # of another process, a moment ago
            return os.open(path, flags)
        self._give(file, self.file)
        return file

    def _give(self, file: int, mode: int, close: bool = False) -> None:
        try:
            if os.fstat(file).st_gid != self.group:
                os.fchown(file, -1, self.group)
        except OSError:  # the data are of a group that this user is not in
            mode &= ~0o070
        with contextlib.suppress(OSError):  # file systems without modes
            os.fchmod(file, mode)
        if close:
            os.close(file)

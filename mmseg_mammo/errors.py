"""Errors for users: each names what was wrong, what is allowed and what to do next."""

import errno

# What stands between a program and a file, where the program is not to blame.
_OF_THE_DISK = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO),
    *(errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG),
)


class MammoError(ValueError):
    """Base of every error that a user can mend.

    Args:
        what: The offending value and where it stands (file, row, key).
        allowed: What would have been accepted.
        remedy: What to do next.
    """

    def __init__(self, what: str, allowed: str = '', remedy: str = '') -> None:
        parts = [what, f'Allowed: {allowed}' if allowed else '', remedy]
        ends = (part.strip().rstrip('.') for part in parts if part)
        super().__init__(' '.join(end if end.endswith(('?', '…')) else f'{end}.' for end in ends))


class DataFileError(MammoError):
    """An image, mask or DICOM file cannot be used."""


class DataIndexError(MammoError):
    """An ``index.csv``, or a table that one is made from, breaks its contract."""


class CheckpointError(MammoError):
    """A weight file does not fit the model."""


class HostError(MammoError, ImportError):
    """MMSegmentation or torch is missing, of another version, or broken."""


def fault_of_disk(error: BaseException) -> str:
    """A line about a disk that is full, or a place that cannot be written to; empty for all else."""
    if not isinstance(error, OSError) or error.errno not in _OF_THE_DISK:
        return ''
    place = f'{error.filename}: ' if error.filename else ''
    remedy = 'Make room, give yourself the right to write, or name another place'
    return f'{place}{error.strerror}. {remedy}'

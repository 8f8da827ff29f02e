"""Devices: choose the device of a run, and refuse one that is not there."""

import re

import torch
from mmengine.device import utils as host_devices

from mmseg_mammo.errors import MammoError

_NAMES = re.compile(r'cpu|cuda(:\d+)?')
_gpus_hidden = False


def on_gpu() -> bool:
    """Whether this process runs on a GPU: one exists, and ``use_device`` did not choose the CPU."""
    return torch.cuda.is_available() and not _gpus_hidden


def check_device(name: str, place: str = '--device') -> torch.device:
    """The device of that name.

    Args:
        name: ``'cpu'``, ``'cuda'`` or ``'cuda:N'``; others are torch's affair.
        place: Where it was asked for, for an error.

    Raises:
        MammoError: torch knows no such device, or has no such GPU.
    """
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError):
        raise MammoError(
            f'{place} {name!r}: no such device', 'cpu, cuda, cuda:1 and so on'
        ) from None
    if device.type == 'cuda':
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if not count:
            raise MammoError(
                f'{place} {name}: torch finds no GPU here',
                'cpu',
                'Check nvidia-smi, CUDA_VISIBLE_DEVICES and that torch.version.cuda is not None',
            )
        if (device.index or 0) >= count:
            raise MammoError(
                f'{place} {name}: torch finds {count} GPUs here', f'cuda:0 to cuda:{count - 1}'
            )
    return device


def choose_device(name: str) -> str:
    """The device of that name for a model alone; ``'auto'`` is a GPU if torch finds one.

    Raises:
        MammoError: There is no such device.
    """
    if name == 'auto':
        return 'cuda' if torch.cuda.is_available() else 'cpu'
    if not _NAMES.fullmatch(name):
        raise MammoError(f'--device {name}: no such device', 'auto, cpu, cuda, cuda:1 and so on')
    return str(check_device(name))


def use_device(name: str | None, launcher: str = 'none') -> None:
    """Set the device of the runs of this process; None leaves the choice to the host.

    Args:
        name: ``'cpu'``, ``'cuda'`` or ``'cuda:N'``.
        launcher: How the processes were started. Each of several has a GPU of its own.

    Raises:
        MammoError: There is no such device, or a GPU is named for several processes.
    """
    global _gpus_hidden
    if name is None:
        return
    if not _NAMES.fullmatch(str(name)):
        raise MammoError(f'--device {name}: no such device', 'cpu, cuda, cuda:1 and so on')
    device = check_device(name)
    if device.index is not None and launcher != 'none':
        raise MammoError(
            f'--device {name} with --launcher {launcher}: each process takes a GPU of its own',
            'cpu or cuda',
            'Choose GPUs by CUDA_VISIBLE_DEVICES',
        )
    _gpus_hidden = device.type == 'cpu'
    host_devices.DEVICE = device.type  # what mmengine's get_device answers
    if device.index is not None:
        torch.cuda.set_device(device)

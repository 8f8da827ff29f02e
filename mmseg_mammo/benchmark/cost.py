"""Cost of a training step: peak memory, and floating-point operations."""

import ctypes
import gc
import re
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from mmseg_mammo.engine.provenance import clock

_PROC = Path('/proc/self')
# Operators that multiply matrices; one of them that torch cannot count is named, not ignored.
_MULTIPLIES = re.compile(r'attention|conv|mm|_linear')


def peak_memory(run: Callable[[], Any], device: torch.device) -> int | None:
    """Memory that ``run`` needs at its peak, beyond what is held when it starts.

    On a GPU: of torch's allocator. On a CPU: resident memory of the process, whose peak Linux
    resets when 5 is written to ``/proc/self/clear_refs`` (man 5 proc_pid_clear_refs). Memory that
    the C library keeps for later is given back first, or it would hide part of the increase.

    Returns:
        Bytes; None where the system cannot reset the peak.
    """
    gc.collect()
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        run()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    before_on_cpu = _reset_resident_peak()
    run()
    return None if before_on_cpu is None else _resident_peak() - before_on_cpu


def _reset_resident_peak() -> int | None:
    """Bring the peak down to the present; return it in bytes, or None where that is impossible."""
    trim = getattr(ctypes.CDLL(None), 'malloc_trim', None)  # glibc's
    if trim is not None:
        trim(0)
    try:
        (_PROC / 'clear_refs').write_text('5')
        return _resident_peak()
    except (OSError, TypeError):  # no /proc, no right to write there, or no peak in it
        return None


def _resident_peak() -> int:
    found = re.search(r'^VmHWM:\s+(\d+) kB', (_PROC / 'status').read_text(), re.MULTILINE)
    return int(found[1]) * 1024  # type: ignore[index]


def matrix_rate(seconds: float = 0.5) -> dict[str, float]:
    """Operations a second of large matrix products on the device, by precision: what it can do at most.

    Args:
        seconds: Of each measurement, after a first product; on a CPU matrices are smaller.
    """
    gpu = torch.cuda.is_available()
    side = 8192 if gpu else 512
    found = {}
    for kind in (torch.bfloat16, torch.float32):
        a, b = (torch.randn(side, side, device='cuda' if gpu else 'cpu').to(kind) for _ in 'ab')
        torch.mm(a, b)
        done, start = 0, clock()
        while (spent := clock() - start) < seconds or not done:
            for _ in range(10):
                torch.mm(a, b)
            done += 10
        found[str(kind).removeprefix('torch.')] = 2 * side**3 * done / spent
    return found


def count_flops(run: Callable[[], Any]) -> tuple[int, list[str]]:
    """Floating-point operations of ``run``, as executed: what is computed twice counts twice.

    Matrix products, convolutions and attention, forward and backward, two operations per
    multiplication and addition (torch's ``FlopCounterMode``); nothing else is counted, as usual.

    Returns:
        The count, and the names of operators that multiply but could not be counted.
    """
    counter = FlopCounterMode(display=False, custom_mapping=_cpu_attention())
    seen = _Operators()
    with counter, seen:
        run()
    held = vars(counter)
    known = held.get('flop_registry') or held['flop_mapping']  # the name in torch 2.1
    unknown = {
        str(operator)
        for operator in seen.names
        if operator not in known and _MULTIPLIES.search(str(operator))
    }
    return counter.get_total_flops(), sorted(unknown)


class _Operators(TorchDispatchMode):
    """Remember which operators ran."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[Any] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        self.names.add(func.overloadpacket)
        return func(*args, **(kwargs or {}))


def _cpu_attention() -> dict[Any, Callable[..., int]]:
    """Formulas, of shapes, for fused attention on CPUs, which torch counts on GPUs only."""

    def forward(query: Any, key: Any, value: Any, *args: Any, **kwargs: Any) -> int:
        # Scores, and the weighted sum of the values.
        return 2 * prod(query[:3]) * key[2] * (key[3] + value[3])

    def backward(gradient: Any, query: Any, key: Any, value: Any, *a: Any, **k: Any) -> int:
        # The scores again, and the gradients of queries and keys; of weights and values.
        return 2 * prod(query[:3]) * key[2] * (3 * key[3] + 2 * value[3])

    formulas: dict[str, Any] = {
        '_scaled_dot_product_flash_attention_for_cpu': forward,
        '_scaled_dot_product_flash_attention_for_cpu_backward': backward,
    }
    aten = torch.ops.aten  # torch 2.1 has no operators of their own for CPUs
    return {getattr(aten, name): f for name, f in formulas.items() if hasattr(aten, name)}

"""Whether a forward pass is being recorded instead of run."""

import torch


def is_traced() -> bool:
    """Whether torch traces or compiles what runs: then operators are recorded, not done.

    Code that looks at memory, or that loops over parts of a tensor, leaves that to plain operators.
    """
    compiler = getattr(torch.compiler, 'is_compiling', None)  # torch 2.1 has none
    return torch.jit.is_tracing() or bool(compiler and compiler())

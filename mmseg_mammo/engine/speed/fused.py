"""AdamW in one kernel for all parameters, where torch has it."""

import logging
from collections.abc import Iterable
from typing import Any

from mmengine.logging import print_log
from mmseg.registry import OPTIMIZERS
from torch.optim import AdamW


@OPTIMIZERS.register_module()
class FusedAdamW(AdamW):
    """``AdamW`` with ``fused=True``; where torch refuses that, one warning and plain AdamW.

    Steps differ from AdamW's in rounding. States are AdamW's, so that either goes on from the
    other's checkpoint. torch fuses on GPUs, and from 2.4 on on CPUs too.

    Args:
        params: Parameters or groups of them.
        settings: Of ``torch.optim.AdamW``.
    """

    def __init__(self, *, params: Iterable[Any], **settings: Any) -> None:
        groups = list(params)
        try:
            super().__init__(groups, **settings, fused=True)
        except RuntimeError as error:  # such as: fused=True requires all the params to be CUDA
            reason = str(error).strip().splitlines()[0]
            print_log(f'FusedAdamW steps as AdamW: {reason}', 'current', logging.WARNING)
            for group in groups:
                if isinstance(group, dict):
                    group['fused'] = None  # torch wrote into groups what it then refused
            super().__init__(groups, **settings)

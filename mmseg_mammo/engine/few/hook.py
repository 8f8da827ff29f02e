"""Start hook: fits the weights of a start into the model that is tuned, and writes ``best.pth``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import BaseLoop
from mmseg.registry import HOOKS

from mmseg_mammo.engine.few.models import is_named
from mmseg_mammo.engine.hooks.checkpoint import ResumableCheckpointHook
from mmseg_mammo.engine.hooks.console import TUNED, say
from mmseg_mammo.engine.partial_checkpoint import note_base
from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.io.run_folder import BEST
from mmseg_mammo.models.literals import read_literals
from mmseg_mammo.models.peft.lora import omits_frozen
from mmseg_mammo.models.peft.trainable import fingerprint, unwrapped


@HOOKS.register_module()
class StartHook(Hook):
    """Let a tuning begin with a checkpoint of nearly the same model, and end with ``best.pth``.

    What is new keeps its initialisation, and is said; what of the start has no place is left out.
    Anything else that differs is refused by ``CheckpointGuardHook``. Each step has random numbers of
    its own, so that a training that goes on draws what an uninterrupted one draws. At the end
    ``best.pth`` has the last weights: a handful of validation images chooses by chance.

    Args:
        sha256: Of the start; a training does not go on with another.
        name: Of the start.
        new: Regular expressions of the names of weights that are the model's own.
        replaced: Those of weights of the start that have no place.
    """

    priority = 'HIGHEST'  # before CheckpointGuardHook compares names and shapes

    def __init__(
        self,
        *,
        sha256: str | None = None,
        name: str = '',
        new: Sequence[str] = (),
        replaced: Sequence[str] = (),
    ) -> None:
        self.sha256, self.name = sha256, name
        self.new, self.replaced = list(new), list(replaced)

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Fit the weights of a start; refuse to go on with another.

        Raises:
            CheckpointError: A resumed training began with another start.
        """
        if not isinstance(getattr(runner, '_train_loop', None), BaseLoop):
            return
        if getattr(runner, '_resume', False):
            self._refuse_another(checkpoint)
            return
        state = checkpoint.get('state_dict', checkpoint)
        model = unwrapped(runner.model)
        own = model.state_dict()
        left = [n for n in state if n not in own and is_named(n, self.replaced)]
        added = [n for n in own if is_named(n, self.new) and self._lacks(state, n, own[n])]
        for name in left:
            del state[name]
        state.update((name, own[name]) for name in added)
        if omits_frozen(model):  # LoRA has read the start when it was built
            note_base(checkpoint, model, fingerprint(model))
        values = sum(own[name].numel() for name in added)
        new = f'{len(added)} tensors are new ({values:,} values)' if added else 'nothing is new'
        say(runner.logger, f'Start: {self.name}, {runner.cfg.load_from}; {new}')

    def _lacks(self, state: dict, name: str, value: torch.Tensor) -> bool:
        """Whether the weights of the start lack one; a head that begins anew lacks all of its own."""
        anew = name.startswith('decode_head.')
        return anew or name not in state or state[name].shape != value.shape

    def _refuse_another(self, checkpoint: dict) -> None:
        text = (checkpoint.get('meta') or {}).get('cfg')
        hooks = read_literals(text, 'the checkpoint').get('default_hooks') or {} if text else {}
        before = hooks.get('start') or {}
        if before.get('sha256') and before['sha256'] != self.sha256:
            raise CheckpointError(
                f'--resume: the tuning began with {before.get("name")} (SHA-256 '
                f'{before["sha256"][:12]}), and --from is {self.name} ({str(self.sha256)[:12]})',
                'the start that it began with',
                'For another start name another --work-dir',
            )

    def before_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None) -> None:
        """Seed the process, for dropout and the like."""
        words = np.random.SeedSequence([runner.seed, runner.iter, get_rank()])
        torch.manual_seed(int(words.generate_state(1)[0]))

    def after_train(self, runner: Any) -> None:
        """Write ``best.pth``, without the state of the optimiser."""
        savers = [hook for hook in runner.hooks if isinstance(hook, ResumableCheckpointHook)]
        if not savers or savers[0].save_best:
            return
        runner.save_checkpoint(
            runner.work_dir,
            BEST,
            save_optimizer=False,
            save_param_scheduler=False,
            by_epoch=False,
            meta={'epoch': runner.epoch, 'iter': runner.iter},
            backend_args=savers[0].backend_args,
        )
        best = Path(runner.work_dir) / BEST
        if is_main_process():
            runner.message_hub.update_info(TUNED, str(best))  # which ConsoleHook says
            if savers[0].when_best is not None:
                savers[0].when_best(best)

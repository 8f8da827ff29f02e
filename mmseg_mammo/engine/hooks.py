"""Hooks that make runs honest: what is trained is printed, a foreign checkpoint is refused."""

import re
from collections.abc import Mapping
from typing import Any

from mmengine.hooks import Hook
from mmseg.registry import HOOKS
from torch import Tensor, nn

from mmseg_mammo.engine.console import say
from mmseg_mammo.engine.sharding import count_all
from mmseg_mammo.engine.trained_as import check_length, config_of, input_differences
from mmseg_mammo.engine.trained_only import complete
from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.models.tuning import unwrapped

DIFFERENCES = 'input_differs_from_training'


@HOOKS.register_module()
class ParameterCountHook(Hook):
    """Print the number of parameters, total and trained, at the start of every run."""

    def before_run(self, runner: Any) -> None:
        """Log one line for the model and one for each of its parts that has parameters."""
        model = unwrapped(runner.model)
        for name, part in {'': model, **dict(model.named_children())}.items():
            total, trained = count_all(runner.model, part)
            if total:
                place = f' of {name}' if name else ''
                say(runner.logger, f'Parameters{place}: {total:,} total, {trained:,} trained')


@HOOKS.register_module()
class CheckpointGuardHook(Hook):
    """Refuse a checkpoint that does not fill the model exactly.

    mmengine loads with ``strict=False``: a checkpoint of another model leaves random weights
    behind and only warns. A checkpoint without the frozen weights is completed first. A test
    warns, and ``test.json`` says, if images are prepared in another way than in training.
    """

    priority = 'VERY_HIGH'  # EMAHook takes its weights from the completed checkpoint

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Compare names and shapes; called before the weights are copied.

        Raises:
            CheckpointError: A tensor is missing, left over, or of another shape; or a training
                is resumed under another length than its schedule was planned for.
        """
        trained = config_of(checkpoint)
        if trained and runner.cfg.get('resume'):
            check_length(trained, runner.cfg)
        elif trained and runner.cfg.get('test_dataloader'):
            self._compare_inputs(runner, input_differences(trained, runner.cfg))
        model = unwrapped(runner.model)
        complete(checkpoint, model)
        state = checkpoint.get('state_dict', checkpoint)
        check_state(state, model, getattr(runner, '_load_from', None) or '')

    def _compare_inputs(self, runner: Any, differences: list[str]) -> None:
        runner.message_hub.update_info(DIFFERENCES, differences)
        for difference in differences:
            runner.logger.warning(f'{difference}: expect worse results')


def check_state(state: Mapping[str, Tensor], model: nn.Module, place: str) -> None:
    """Raise a CheckpointError unless ``state`` fills ``model`` exactly.

    Args:
        state: Weights of a checkpoint by name.
        model: Takes them.
        place: What an error names (the file).
    """
    found = {re.sub(r'^module\.', '', name): value.shape for name, value in state.items()}
    wanted = {name: value.shape for name, value in model.state_dict().items()}
    missing = sorted(set(wanted) - set(found))
    surplus = sorted(set(found) - set(wanted))
    other = sorted(n for n in set(found) & set(wanted) if found[n] != wanted[n])
    if missing or surplus or other:
        details = [
            f'{len(names)} tensors {what}, such as {names[0]}'
            for names, what in (
                (missing, 'of the model are not in it'),
                (surplus, 'of it are not in the model'),
                (other, 'have another shape'),
            )
            if names
        ]
        raise CheckpointError(
            f'The checkpoint {place} is of another model than the config: {"; ".join(details)}',
            remedy='Name the checkpoint that this config, or the one it inherits from, trained, '
            'with the --side and --cfg-options of its training',
        )

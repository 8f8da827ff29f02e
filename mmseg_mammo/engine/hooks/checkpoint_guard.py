"""Checkpoint guard hook: refuses checkpoints and images that do not fit the model."""

from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import BaseLoop, find_latest_checkpoint
from mmseg.registry import HOOKS

from mmseg_mammo.engine.checkpoint import check_state, config_of, start_presence
from mmseg_mammo.engine.config.differences import (
    clahe_differences,
    input_differences,
    note_clahe,
    threshold_difference,
)
from mmseg_mammo.engine.partial_checkpoint import complete, spare_base
from mmseg_mammo.engine.resume import refuse_another_training
from mmseg_mammo.engine.tta import check_merging
from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.io.run_folder import DIFFERENCES
from mmseg_mammo.models.backbones.vit_normalisation import check_normalisation
from mmseg_mammo.models.peft.trainable import unwrapped


@HOOKS.register_module()
class CheckpointGuardHook(Hook):
    """Refuse a checkpoint that does not fill the model exactly.

    mmengine loads with ``strict=False``: a checkpoint of another model leaves random weights
    behind and only warns. A checkpoint without the frozen weights is completed first, and one
    without presence head may start a training with one, whose head is random then. A test
    warns, and ``test.json`` says, if images are prepared in another way than in training.

    It is a hook and no option of a command, so that MMSegmentation's own tools refuse too.
    """

    priority = 'VERY_HIGH'  # EMAHook takes its weights from the completed checkpoint
    _of_former_clahe = False

    def before_run(self, runner: Any) -> None:
        """Before a training initialises weights: see which of them a checkpoint brings."""
        if not _trains(runner):
            return
        path = getattr(runner, '_load_from', None)
        if path is None and getattr(runner, '_resume', False):
            path = find_latest_checkpoint(runner.work_dir)
        if path:
            spare_base(unwrapped(runner.model), path)

    def before_train(self, runner: Any) -> None:
        """Refuse images whose normalisation is not that of the pre-trained weights.

        Raises:
            CheckpointError: They are, or it is not known; and no checkpoint was loaded over them.
        """
        if not getattr(runner, '_has_loaded', False):
            check_normalisation(unwrapped(runner.model))

    def before_test(self, runner: Any) -> None:
        """Check how test-time augmentation merges; see :func:`.check_merging`."""
        check_merging(runner.model.module if is_model_wrapper(runner.model) else runner.model)

    def after_load_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Compare names and shapes; called before the weights are copied.

        Raises:
            CheckpointError: A tensor is missing, left over, or of another shape; or a training
                is resumed under a config or data that change its result.
        """
        trained = _config_of_training(runner, checkpoint)
        former = clahe_differences(checkpoint, runner.cfg) if trained else []
        if getattr(runner, '_resume', False):
            refuse_another_training(runner, checkpoint)
            self._of_former_clahe = bool(former)
            self._warn(runner, former)
        elif trained and runner.cfg.get('test_dataloader') and not _trains(runner):
            differences = [*input_differences(trained, runner.cfg), *former]
            runner.message_hub.update_info(DIFFERENCES, differences)
            self._warn(runner, differences)
            for difference in threshold_difference(trained, runner.cfg):
                runner.logger.warning(difference)
        model = unwrapped(runner.model)
        complete(checkpoint, model)
        if _trains(runner) and not getattr(runner, '_resume', False):
            count = start_presence(checkpoint, model)
            if count:
                runner.logger.info(
                    f'{count} tensors of presence are not in it, and start at random'
                )
        state = checkpoint.get('state_dict', checkpoint)
        check_state(state, model, getattr(runner, '_load_from', None) or '')

    def before_save_checkpoint(self, runner: Any, checkpoint: dict) -> None:
        """Note the CLAHE of this version, unless the training began with the former one."""
        if not self._of_former_clahe:
            note_clahe(checkpoint)

    def _warn(self, runner: Any, differences: list[str]) -> None:
        for difference in differences:
            runner.logger.warning(f'{difference}: expect worse results')


def _config_of_training(runner: Any, checkpoint: dict) -> Config | None:
    """The config in a checkpoint; None if there is none, or one that cannot be read as data."""
    try:
        return config_of(checkpoint)
    except CheckpointError:
        if getattr(runner, '_resume', False):
            raise
        runner.logger.warning('The config in the checkpoint is not plain data: not compared')
        return None


def _trains(runner: Any) -> bool:
    return isinstance(getattr(runner, '_train_loop', None), BaseLoop)

"""The hyper-parameters of a search, and where they stand in a config."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import optuna
from mmengine.config import Config

from mmseg_mammo.errors import MammoError

# A hyper-parameter by its name in the study -> its path in the config.
PATHS = {
    'lr': 'optim_wrapper.optimizer.lr',
    'batch_size': 'train_dataloader.batch_size',
    'prompt_length': 'model.backbone.prompt_length',
}


@dataclass(frozen=True)
class Space:
    """What is searched: the learning rate from ``low`` to ``high``, and lists to choose from.

    ``prompt_lengths`` is empty for a model without prompts.
    """

    low: float
    high: float
    batch_sizes: tuple[int, ...]
    prompt_lengths: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.high:
            raise MammoError(f'--lr {self.low} {self.high}', 'two rates, 0 < LOW <= HIGH')
        for name, values, lowest in (
            ('--batch-size', self.batch_sizes, 1),
            ('--prompt-length', self.prompt_lengths, 0),
        ):
            if any(value < lowest for value in values):
                raise MammoError(f'{name} {min(values)}', f'numbers from {lowest} on')

    def suggest(self, trial: optuna.Trial) -> dict[str, Any]:
        """Values for a trial, by their path in the config."""
        found: dict[str, Any] = {
            'lr': trial.suggest_float('lr', self.low, self.high, log=True),
            'batch_size': trial.suggest_categorical('batch_size', self.batch_sizes),
        }
        if self.prompt_lengths:
            length = trial.suggest_categorical('prompt_length', self.prompt_lengths)
            found['prompt_length'] = length
        return {PATHS[name]: value for name, value in found.items()}


def has_prompts(cfg: Config) -> bool:
    """Whether the backbone of a config has prompts, whose number can be searched."""
    return bool(cfg.model.get('backbone', {}).get('prompt_length'))


def as_options(values: Mapping[str, Any]) -> list[str]:
    """Values of a trial as the words of ``--cfg-options``, such as ``train_dataloader.batch_size=8``."""
    return [f'{PATHS[name]}={value}' for name, value in values.items()]

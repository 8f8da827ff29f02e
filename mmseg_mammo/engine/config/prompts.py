"""Prompts of a table for the test of a promptable model: an option of the command line."""

from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmseg.registry import MODELS, TRANSFORMS

from mmseg_mammo.engine.config.checks import datasets_of
from mmseg_mammo.engine.config.image_steps import packs
from mmseg_mammo.engine.config.type_names import is_a, type_name
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.prompts import read_prompts
from mmseg_mammo.models.sam.segmentor import SAMSegmentor
from mmseg_mammo.transforms.prompts import ORIGINAL, LoadPrompts


def use_prompts(cfg: Config, file: str | Path, coordinates: str = ORIGINAL) -> None:
    """Let a promptable model take its prompts in tests from a table.

    Images without a prompt are predicted empty. ``LoadPrompts`` takes the place of one that the
    test pipeline has.

    Args:
        cfg: Changed in place: ``model.prompts_from`` and the test pipeline.
        file: Table of :func:`.read_prompts`.
        coordinates: Of ``'original'`` or ``'prepared'`` images; see :class:`.LoadPrompts`.

    Raises:
        MammoError: The model takes no prompts; the table cannot be read; or the test is of
            several data sets, or its pipeline does not pack.
    """
    model: Any = cfg.model
    if not is_a(model.get('type'), SAMSegmentor, MODELS):
        raise MammoError(
            f'--prompts {file}: {type_name(model.get("type"))} takes no prompts',
            'a config of SAMSegmentor, such as sam_finetune_cbis',
            'Leave --prompts out',
        )
    read_prompts(Path(file))
    tests = list(datasets_of(cfg.get('test_dataloader'), 'test_dataloader'))
    if len(tests) != 1:
        raise MammoError(
            f'--prompts {file}: the config tests on {len(tests)} data sets together',
            'one data set in test_dataloader',
            'Put LoadPrompts into the test pipeline and prompts.csv beside each index (docs/sam.md)',
        )
    ((place, dataset),) = tests
    steps = [s for s in dataset['pipeline'] if not is_a(s.get('type'), LoadPrompts, TRANSFORMS)]
    where = next((i for i, step in enumerate(steps) if packs(step.get('type'))), None)
    if where is None:
        raise MammoError(
            f'--prompts {file}: nothing in {place}.pipeline packs the prompts',
            'a pipeline that ends with PackMammogram',
        )
    loading = {
        'type': 'LoadPrompts',
        'file': str(Path(file).absolute()),
        'coordinates': coordinates,
        'required': False,
    }
    # A list of its own: validation may share the other.
    dataset['pipeline'] = [*steps[:where], loading, *steps[where:]]
    model.prompts_from = 'given'

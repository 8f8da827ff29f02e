"""Views: whether both stages see one image, and whether crops are in a test what they are in training."""

from collections.abc import Callable, Sequence
from typing import Any

from mmengine.config import Config

from mmseg_mammo.engine.config.checks import datasets_of
from mmseg_mammo.engine.config.image_steps import augments, resizes, split_steps, touches_image
from mmseg_mammo.engine.config.type_names import type_name, with_names
from mmseg_mammo.engine.two_stage.joined import tested_pipeline
from mmseg_mammo.errors import MammoError

_CROPS, _SHRINKS = 'CropAroundLesion', 'ShrinkMammogram'


def check_views(cfg: Config, finder: Config, refiner: Config) -> None:
    """Refuse stages that do not see the same image: what the finder keeps is what crops are cut of.

    Args:
        cfg: Of both stages.
        finder: Config of the finder.
        refiner: Of the refiner.

    Raises:
        MammoError: A step before the resizing of the finder is none before the crops of the refiner,
            or the other way round; images are shrunk, and their masks are not; or the refiner does
            more to its crops than to resize them by area.
    """
    ours = _before(tested_pipeline(finder), lambda step: resizes(step.get('type')))
    theirs = _before(_pipeline(refiner), _is_crop)
    if ours != theirs:
        said = [', '.join(map(_name, steps)) for steps in (ours, theirs)]
        raise MammoError(
            f'{cfg.filename}: the finder resizes what {said[0]} made of an image, and the refiner '
            f'crops what {said[1]} made',
            'the same steps with the same settings before Resize and before CropAroundLesion',
            'Move MammoCLAHE before the resizing, as unet_finder_cbis has it',
        )
    if _SHRINKS in map(_name, theirs):
        raise MammoError(
            f'{cfg.filename}: {_SHRINKS} before the crops, whose masks would stay as large as the file',
            'images that are prepared as large as the model sees them',
            'Leave it out, and prepare them with --long-side',
        )
    _check_crops(refiner)


def _check_crops(refiner: Config) -> None:
    """Refuse what is done to crops in training, and not to those that the finder asks for.

    Raises:
        MammoError: Their grey levels are changed, or they are not resized by area.
    """
    steps = split_steps(_pipeline(refiner))
    crop = next(number for number, step in enumerate(steps) if _is_crop(step))
    for step in steps[crop + 1 :]:
        if augments(step.get('type')) or not touches_image(step):
            continue
        if not resizes(step.get('type')):
            raise MammoError(
                f'stages.refiner: {_name(step)} behind {_CROPS}: crops of a test would go without it',
                'random steps and ResizeMammogram alone behind it',
                f'Move it before {_CROPS}, and before the resizing of the finder',
            )
        if step.get('interpolation') != 'area':
            raise MammoError(
                f'stages.refiner: {_name(step)} behind {_CROPS} has '
                f'interpolation={step.get("interpolation", "bilinear")!r}',
                "interpolation='area', by which crops of a test are resized",
            )


def _pipeline(refiner: Config) -> Sequence[Any]:
    pipeline: Sequence[Any] = next(
        d['pipeline'] for _, d in datasets_of(refiner.train_dataloader, '')
    )
    return pipeline


def _name(step: Any) -> str:
    return type_name(step.get('type'))


def _is_crop(step: Any) -> bool:
    return _name(step) == _CROPS


def _before(pipeline: Sequence[Any], is_end: Callable[[Any], bool]) -> list[Any]:
    """The steps about images before the first one that ``is_end``, in comparable form."""
    found = []
    for step in split_steps(pipeline):
        if is_end(step):
            break
        if touches_image(step) and not augments(step.get('type')):
            found.append(with_names(dict(step)))
    return found

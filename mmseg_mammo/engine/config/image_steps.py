"""What a pipeline does to an image, read from a config: nothing is built."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmcv.transforms import LoadAnnotations, Resize
from mmseg.datasets.transforms import (
    GenerateEdge,
    LoadBiomedicalAnnotation,
    LoadDepthAnnotation,
    PackSegInputs,
)
from mmseg.registry import TRANSFORMS

from mmseg_mammo.engine.config.type_names import class_of, is_a, type_name
from mmseg_mammo.transforms.full_image import KeepFullImage
from mmseg_mammo.transforms.loading import LoadLesionMask
from mmseg_mammo.transforms.prompts import LoadPrompts

_APART = (
    *(LoadAnnotations, LoadBiomedicalAnnotation, LoadDepthAnnotation, LoadLesionMask),
    *(GenerateEdge, LoadPrompts, KeepFullImage),
)
# Random without saying so, by their names or by mmcv's decorator.
_RANDOM = (
    *('Albu', 'BioMedicalGaussianBlur', 'BioMedicalGaussianNoise', 'PhotoMetricDistortion'),
    'CropAroundLesion',
)


def image_steps(pipeline: Sequence[Any]) -> list[Mapping[str, Any]]:
    """The steps that load or change the image, in order.

    All but loading masks and prompts, and packing. Of a step that holds others, such as
    ``TestTimeAug``, those are named in its place; one that runs them at random, such as
    ``RandomApply``, is augmentation as a whole.

    Args:
        pipeline: Of a data set in a config, perhaps with lists of steps inside.
    """
    return [step for step in _flat(pipeline) if touches_image(step)]


def split_steps(steps: Sequence[Any]) -> list[Any]:
    """The steps of a pipeline with ``LoadMammogram`` as the two that it stands for; others as they are.

    Their values stay what they are: mmcv's ``Resize(keep_ratio=True)`` takes a tuple only.
    """
    found: list[Any] = []
    for step in steps:
        if isinstance(step, Mapping) and type_name(step.get('type')) == 'LoadMammogram':
            settings = {key: step[key] for key in step if key != 'type'}
            reads = {'voi': settings.pop('voi')} if 'voi' in settings else {}
            found += [{'type': 'ReadMammogram', **reads}, {'type': 'MapIntensity', **settings}]
        else:
            found.append(step)
    return found


def split_loading(value: Any) -> Any:
    """A copy of a config's value, to be compared, with all its steps as :func:`split_steps` has them.

    So compared, the config of an earlier version equals one with ``ReadMammogram`` and
    ``MapIntensity``. Tuples become lists: to build a pipeline take :func:`split_steps`.
    """
    if isinstance(value, Mapping):
        return {key: split_loading(child) for key, child in value.items()}
    if not isinstance(value, (list, tuple)):
        return value
    return [split_loading(child) for child in split_steps(value)]


def touches_image(step: Mapping[str, Any]) -> bool:
    """Whether a step is not only about masks, prompts or packing."""
    kind = step.get('type')
    return not packs(kind) and not any(is_a(kind, one, TRANSFORMS) for one in _APART)


def packs(kind: Any) -> bool:
    """Whether what stands under ``type`` packs a sample; the classes of other packages by name."""
    name = type_name(kind)
    return name.startswith(('Pack', 'Format', 'Collect')) or is_a(kind, PackSegInputs, TRANSFORMS)


def resizes(kind: Any) -> bool:
    """Whether what stands under ``type`` resizes every image to the one ``scale`` that it names."""
    return is_a(kind, Resize, TRANSFORMS)


def augments(kind: Any) -> bool:
    """Whether what stands under ``type`` changes images at random: in training alone.

    Told by ``Random`` in the name of the class or of a base, or by mmcv's ``cache_randomness``.
    """
    found = class_of(kind, TRANSFORMS)
    names = [base.__name__ for base in found.__mro__] if found else []
    marked = bool(getattr(found, '_methods_with_randomness', ()))
    return marked or any('Random' in name or name in _RANDOM for name in names)


def _flat(steps: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    for step in steps:
        if isinstance(step, (list, tuple)):
            yield from _flat(step)
        elif step.get('transforms') and not augments(step.get('type')):
            yield from _flat(step['transforms'])
        else:
            yield step

"""What a pipeline does to an image: one list of steps, read from the config."""

import pytest
from experiments import CONFIGS
from mmcv.transforms import BaseTransform, Resize
from mmengine.config import Config
from mmseg.registry import TRANSFORMS

from mmseg_mammo.engine.config.differences import input_differences
from mmseg_mammo.engine.config.edits import input_size, use_side
from mmseg_mammo.engine.config.image_steps import (
    augments,
    image_steps,
    packs,
    resizes,
    split_loading,
    split_steps,
)
from mmseg_mammo.engine.config.type_names import class_of, type_name
from mmseg_mammo.errors import MammoError
from mmseg_mammo.transforms import LoadMammogram, RandomLesionAffine, ResizeMammogram

# Configs of two stages have no steps and no network of their own; those of their stages are here.
SHIPPED = sorted(
    p
    for p in CONFIGS.glob('**/*.py')
    # Those of few/ have no model before they have a start: tests/engine/few.
    if not {'_base_', 'few'} & {*p.parts} and '\nstages = ' not in p.read_text()
)
STEPS = dict(
    load=dict(type='LoadMammogram'),
    mask=dict(type='LoadLesionMask'),
    prompts=dict(type='LoadPrompts'),
    resize=dict(type='ResizeMammogram', scale=(8, 8)),
    flip=dict(type='RandomFlip', prob=0.5),
    pack=dict(type='PackMammogram'),
)


@pytest.fixture
def own(request):
    """A step of a user, registered for the test."""

    class Sharpen(BaseTransform):
        def __init__(self, *, amount=1.0):
            self.amount = amount

        def transform(self, results):
            return results

    Sharpen.__name__ = getattr(request, 'param', 'Sharpen')
    TRANSFORMS.register_module(name=Sharpen.__name__, module=Sharpen)
    yield Sharpen.__name__
    TRANSFORMS.module_dict.pop(Sharpen.__name__)


def names(pipeline):
    return [type_name(step['type']) for step in image_steps(pipeline)]


def test_masks_prompts_and_packing_are_left_out():
    assert names(STEPS.values()) == ['LoadMammogram', 'ResizeMammogram', 'RandomFlip']
    host = ['LoadImageFromFile', 'LoadAnnotations', 'GenerateEdge', 'CLAHE', 'PackSegInputs']
    assert names([dict(type=name) for name in host]) == ['LoadImageFromFile', 'CLAHE']
    assert names([dict(type='CollectOfOthers'), dict(type='NotRegistered')]) == ['NotRegistered']


def test_steps_inside_others_stand_in_their_place():
    inside = [[STEPS['resize'], STEPS['resize']], [STEPS['flip']], [STEPS['mask']]]
    pipeline = [STEPS['load'], dict(type='TestTimeAug', transforms=inside)]
    assert names(pipeline) == ['LoadMammogram', 'ResizeMammogram', 'ResizeMammogram', 'RandomFlip']
    assert names([[STEPS['load']], [STEPS['flip']]]) == ['LoadMammogram', 'RandomFlip']


@pytest.mark.parametrize('kind', ['LoadMammogram', 'mmseg.LoadMammogram', LoadMammogram])
def test_the_loading_of_earlier_configs_is_split_in_two_and_nothing_else_changes(kind):
    load = dict(type=kind, intensity='percentile', percentiles=(1, 9), voi=False)
    read = dict(type='ReadMammogram', voi=False)
    level = dict(type='MapIntensity', intensity='percentile', percentiles=(1, 9))
    rest = [STEPS['mask'], STEPS['resize']]
    assert split_loading([load, *rest]) == split_loading([read, level, *rest])
    inside = dict(batch_size=4, dataset=dict(datasets=[dict(pipeline=(dict(type=kind),))]))
    (one,) = split_loading(inside)['dataset']['datasets']
    assert one['pipeline'] == [dict(type='ReadMammogram'), dict(type='MapIntensity')]
    assert split_loading(STEPS['resize']) == dict(type='ResizeMammogram', scale=[8, 8])


def test_the_steps_of_a_pipeline_that_is_built_keep_their_values():
    load = dict(type='LoadMammogram', percentiles=(2, 98), voi=False)
    assert split_steps([load, STEPS['resize']]) == [
        dict(type='ReadMammogram', voi=False),
        dict(type='MapIntensity', percentiles=(2, 98)),
        STEPS['resize'],
    ]


@pytest.mark.parametrize('holder', ['RandomApply', 'RandomChoice'])
def test_steps_that_are_run_at_random_are_for_training_alone(holder):
    inside = dict(type=holder, transforms=[dict(type='CLAHE')])
    assert names([STEPS['load'], inside]) == ['LoadMammogram', holder]
    cfg = two([inside], [])
    assert input_differences(cfg, cfg) == []


@pytest.mark.parametrize('kind', ['Resize', 'mmseg.Resize', ResizeMammogram, Resize])
def test_a_step_that_resizes_is_told_by_its_class(kind):
    assert resizes(kind)
    assert not augments(kind)


@pytest.mark.parametrize(
    'kind',
    [
        'RandomFlip',
        'PhotoMetricDistortion',
        'RandomResize',
        'BioMedicalGaussianNoise',
        RandomLesionAffine,
    ],
)
def test_augmentation_is_told_by_its_class(kind):
    assert augments(kind)
    assert not resizes(kind)
    assert not packs(kind)


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: path.stem)
def test_shipped_pipelines_have_no_step_that_is_unknown(path):
    cfg = Config.fromfile(path)
    for split in ('train', 'val', 'test'):
        loader = cfg.get(f'{split}_dataloader')
        pipeline = loader.dataset.pipeline if loader else []
        for step in pipeline:
            assert class_of(step.type, TRANSFORMS), step.type
        if pipeline:
            assert sum(packs(step.type) for step in pipeline) == 1
            assert sum(resizes(step.type) for step in pipeline) == 1
        if split == 'test':
            drawn = [step.type for step in pipeline if step.get('random', True)]
            assert not any(map(augments, drawn))


def two(train, test):
    """Twice a config with these steps; the second is tested."""
    cfg = Config.fromfile(CONFIGS / 'unet_cbis.py')
    for split, steps in (('train', train), ('test', test)):
        loader = cfg[f'{split}_dataloader']
        loader.dataset.pipeline = [*loader.dataset.pipeline[:-1], *steps, STEPS['pack']]
    return cfg


@pytest.mark.parametrize('own', ['Sharpen'], indirect=True)
def test_a_step_of_a_user_is_compared_with_the_training(own):
    step = dict(type=own, amount=2.0)
    cfg = two([step], [step])
    assert input_differences(cfg, cfg) == []
    cfg = two([step], [])
    assert input_differences(cfg, cfg) == ['Sharpen.amount is None, in training 2.0']
    cfg = two([], [dict(type=own)])
    assert input_differences(cfg, cfg) == ['Sharpen.amount is 1.0, in training None']


@pytest.mark.parametrize('own', ['RandomSharpen'], indirect=True)
def test_augmentation_of_a_user_is_for_training_alone(own):
    cfg = two([dict(type=own, amount=2.0)], [])
    assert input_differences(cfg, cfg) == []


def test_a_resizing_step_of_a_user_follows_the_side():
    class Shrink(ResizeMammogram):
        pass

    TRANSFORMS.register_module(module=Shrink)
    try:
        cfg = Config.fromfile(CONFIGS / 'unet_cbis.py')
        (step,) = [s for s in cfg.train_dataloader.dataset.pipeline if resizes(s.type)]
        step.type = 'Shrink'
        use_side(cfg, 96)
        assert step.scale == (96, 96)
        assert input_differences(cfg, cfg) == []
        cfg.model.data_preprocessor.pop('size')
        assert input_size(cfg) == (96, 96)
        step.type = 'RandomResize'
        with pytest.raises(MammoError, match='names no input size'):
            input_size(cfg)
    finally:
        TRANSFORMS.module_dict.pop('Shrink')

import copy
import os
import pickle
import signal

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmseg.registry import TRANSFORMS
from prepared_sets import write_prepared

from mmseg_mammo.datasets import MammographyDataset
from mmseg_mammo.io.image import write_png
from mmseg_mammo.io.pixel_cache.cache import PixelCache

LOAD = ['ReadMammogram', 'MapIntensity', 'LoadLesionMask']
SMALL = {'type': 'ResizeMammogram', 'scale': (48, 64), 'keep_ratio': False}
AUGMENT = [
    {'type': 'RandomFlip', 'prob': 0.5},
    {'type': 'RandomLesionAffine', 'prob': 0.8},
    {'type': 'RandomIntensity', 'prob': 0.8},
]
THESIS = [*LOAD, SMALL, 'MammoCLAHE', 'PackMammogram']
STRONG = [*LOAD, SMALL, *AUGMENT, 'MammoCLAHE', 'PackMammogram']
SAM = [*LOAD, SMALL, 'PackMammogram']
RATIO = [*LOAD[:2], {'type': 'Resize', 'scale': (64, 48), 'keep_ratio': True}, *THESIS[4:]]
VALIDATION = [
    *LOAD[:2],
    {'type': 'Resize', 'scale': (48, 48), 'keep_ratio': False},
    *('MammoCLAHE', 'LoadLesionMask', 'PackMammogram'),
]
FOREIGN = [*LOAD, SMALL, {'type': 'RandomFlip', 'prob': 0.5}, 'InPlace', 'PackMammogram']
CROP = [*LOAD, {'type': 'RandomCrop', 'crop_size': (40, 40)}, 'PackMammogram']
BY_AREA = {**SMALL, 'interpolation': 'area'}
FULL = [*LOAD, 'MammoCLAHE', {'type': 'RandomCrop', 'crop_size': (40, 36)}]
CROP_AREA = [*FULL, BY_AREA, *AUGMENT, 'PackMammogram']
CROP_LINEAR = [*CROP[:-1], SMALL, *AUGMENT, 'MammoCLAHE', 'PackMammogram']
CROP_CUBIC = [*CROP[:-1], {**SMALL, 'interpolation': 'bicubic'}, 'PackMammogram']
LESION_CROP = [*FULL[:-1], 'CropAroundLesion', BY_AREA, *AUGMENT, 'PackMammogram']
WHOLE = [*LOAD[:2], 'MammoCLAHE', 'KeepFullImage', BY_AREA, 'LoadLesionMask', 'PackMammogram']
FIRST = [*LOAD, 'MammoCLAHE', BY_AREA, *AUGMENT, 'PackMammogram']
MM = {**BY_AREA, 'mm_per_pixel': 2.5}
ASPECT = {**BY_AREA, 'aspect': 'original'}
BREAST = {'type': 'MapIntensity', 'intensity': 'breast', 'percentiles': (2, 98)}
MATCH = {'type': 'MatchHistogram', 'reference': [0, 30, 90, 200.5]}
ALL = {
    'intensity': [LOAD[0], BREAST, LOAD[2], MATCH, BY_AREA, *AUGMENT, 'PackMammogram'],
    'millimetres': [*LOAD, MM, *AUGMENT, 'PackMammogram'],
    'aspect': [*LOAD, 'MammoCLAHE', ASPECT, 'PackMammogram'],
    'clahe first': FIRST,
    'thesis': THESIS,
    'strong': STRONG,
    'sam': SAM,
    'ratio': RATIO,
    'validation': VALIDATION,
    'foreign': FOREIGN,
    'crop': CROP,
    'crop by area': CROP_AREA,
    'lesion crop': LESION_CROP,
    'full image': WHOLE,
    'full image of 16 bits': [step for step in WHOLE if step != 'MammoCLAHE'],
    'crop, bilinear': CROP_LINEAR,
    'crop, cubic': CROP_CUBIC,
}


class InPlace(BaseTransform):
    """A step of a user that writes into the image."""

    def transform(self, results):
        results['img'][2:5, :, 1] = 7
        return results


@pytest.fixture(autouse=True, scope='module')
def registered():
    TRANSFORMS.register_module(module=InPlace, force=True)
    yield
    TRANSFORMS.module_dict.pop('InPlace')


@pytest.fixture(scope='module')
def sixteen(tmp_path_factory):
    """Eight images, odd ones of 16 bits, of two shapes."""

    def deep(image, mask):
        wide = np.random.default_rng(0).integers(0, 300, image.shape, dtype=np.uint16)
        return image.astype(np.uint16) * 200 + wide, mask

    def cut(image, mask):
        return image[:100], mask[:100]

    changes = {1: deep, 3: deep, 5: deep, 7: deep, 2: cut}
    return write_prepared(
        tmp_path_factory.mktemp('data') / 'set', 8, changes, pixel_spacing='1 0.8'
    )


def dataset(folder, pipeline, **settings):
    steps = [{'type': step} if isinstance(step, str) else dict(step) for step in pipeline]
    return MammographyDataset(data_root=str(folder), pipeline=steps, **settings)


def facts(packed):
    sample = packed['data_samples']
    masks = [sample.get(name) for name in ('gt_sem_seg', 'full_image')]
    return packed['inputs'], [mask.data for mask in masks if mask is not None], sample.metainfo


def same(one, other):
    (image, truth, meta), (image_2, truth_2, meta_2) = facts(one), facts(other)
    assert image.dtype == image_2.dtype
    assert torch.equal(image, image_2)
    assert all(map(torch.equal, truth, truth_2))
    assert [mask.dtype for mask in truth] == [mask.dtype for mask in truth_2]
    assert repr(sorted(meta.items())) == repr(sorted(meta_2.items()))


@pytest.mark.parametrize('mode', [False, True])
@pytest.mark.parametrize('name', ALL)
def test_cached_equals_uncached_bit_for_bit(sixteen, tmp_path, name, mode):
    settings = {'test_mode': True} if mode else {}
    plain = dataset(sixteen, ALL[name], **settings)
    cached = dataset(sixteen, ALL[name], cache={'folder': str(tmp_path / 'cache')}, **settings)
    again = dataset(sixteen, ALL[name], cache={'folder': str(tmp_path / 'cache')}, **settings)
    plain.set_epoch(5, 1)
    for number in range(len(plain)):
        for one in (cached, cached, again):
            one.set_epoch(5, 1)
            np.random.seed(number)  # test mode draws from the global generator
            expected = plain[number]
            np.random.seed(number)
            same(one[number], expected)


def decoded(monkeypatch):
    """Counts images that are read."""
    from mmseg_mammo.transforms import loading

    read, seen = loading.read_image, []

    def counted(path, **settings):
        seen.append(path)
        return read(path, **settings)

    monkeypatch.setattr(loading, 'read_image', counted)
    return seen


def test_an_image_is_decoded_once_for_all_epochs_splits_and_processes(
    sixteen, tmp_path, monkeypatch
):
    seen = decoded(monkeypatch)
    cache = {'folder': str(tmp_path)}
    for _ in range(3):
        for test_mode in (False, True):
            data = dataset(sixteen, STRONG, cache=cache, test_mode=test_mode)
            for number in range(len(data)):
                data[number]
            copied = pickle.loads(pickle.dumps(data))
            copied[0]
            copy.deepcopy(data)[1]

    assert len(seen) == len(data)


@pytest.mark.parametrize(
    ('change', 'chains'),
    [
        (lambda patch: None, 1),
        (lambda patch: patch.setitem(SMALL, 'scale', (32, 64)), 2),
        (
            lambda patch: patch.setattr(
                'mmseg_mammo.datasets.step_cache.describe_software', lambda: {'numpy': '0'}
            ),
            2,
        ),
    ],
)
def test_other_settings_or_software_are_another_chain(
    sixteen, tmp_path, monkeypatch, change, chains
):
    dataset(sixteen, SAM, cache={'folder': str(tmp_path)})[0]
    change(monkeypatch)
    seen = decoded(monkeypatch)
    dataset(sixteen, SAM, cache={'folder': str(tmp_path)})[0]

    assert len(list(tmp_path.glob('*/chain.json'))) == chains
    assert len(seen) == chains - 1


def test_an_image_that_changed_is_read_anew(tmp_path, monkeypatch):
    folder = write_prepared(tmp_path / 'set', 2)
    data = dataset(folder, SAM, cache={})
    before = data[0]['inputs']
    image = np.zeros((160, 120), np.uint8)
    image[40:90, 30:70] = 200
    write_png(folder / 'images' / '00.png', image)

    after = dataset(folder, SAM, cache={})[0]['inputs']

    assert not torch.equal(before, after)
    assert torch.equal(after, dataset(folder, SAM)[0]['inputs'])


def test_images_of_any_shape_have_room(tmp_path, monkeypatch):
    """The first one is the smallest."""
    changes = {0: lambda image, mask: (image[70:90], mask[70:90])}
    folder = write_prepared(tmp_path / 'set', 4, changes, original_height=160)
    index = folder / 'index.csv'
    lines = index.read_text().splitlines(keepends=True)
    index.write_text(lines[0] + lines[1].replace('160,120', '20,120') + ''.join(lines[2:]))
    for number, step in enumerate((ASPECT, {**SMALL, 'keep_ratio': True})):
        shapes = [{(8, 48, 3), (64, 48, 3)}, {(11, 64, 3), (64, 48, 3)}][number]
        cached = dataset(folder, [*LOAD, step], cache={'folder': str(tmp_path / f'{number}')})
        assert {cached[n]['img'].shape for n in range(4)} == shapes
        seen = decoded(monkeypatch)
        assert {cached[n]['img'].shape for n in range(4)} == shapes
        assert not seen


@pytest.mark.parametrize('pipeline', [CROP, LESION_CROP, WHOLE])
def test_images_of_full_size_and_any_shape_are_kept(sixteen, tmp_path, monkeypatch, pipeline):
    data = dataset(sixteen, pipeline, cache={'folder': str(tmp_path)})
    whole = dataset(sixteen, LOAD)
    seen = decoded(monkeypatch)
    sizes = {whole[number]['img'].shape for number in range(8)}
    for _ in range(2):
        for number in range(8):
            data[number]

    assert len(sizes) == 2
    assert len(seen) == 8 + 8
    file = next(tmp_path.glob('*/slots.bin'))
    assert file.stat().st_blocks * 512 < 8 * 160 * 120 * 2


def test_without_imagecodecs_images_of_full_size_are_kept_as_they_are_and_it_is_said(
    sixteen, tmp_path, monkeypatch
):
    cache = {'folder': str(tmp_path)}
    with_it, plain = dataset(sixteen, CROP, cache=cache), dataset(sixteen, CROP)
    with_it[0]
    monkeypatch.setattr('mmseg_mammo.io.pixel_cache.packing.find_codec', lambda: None)
    monkeypatch.setattr('mmseg_mammo.datasets.step_cache.describe_packing', lambda: '')
    seen = decoded(monkeypatch)
    for _ in range(2):
        data = dataset(sixteen, CROP, cache=cache)
        for number in range(2):
            for one in (data, plain):
                one.set_epoch(1, 1)
            same(data[number], plain[number])

    assert len(seen) == 2 + 4  # four by the plain one
    assert len(list(tmp_path.glob('*/chain.json'))) == 2
    assert "uncompressed: imagecodecs is not installed, which pip install '.[dicom]'" in (
        data.cache.describe()
    )
    assert 'uncompressed' not in with_it.cache.describe()
    assert 'uncompressed' not in dataset(sixteen, SAM, cache=cache).cache.describe()


def test_another_spacing_in_the_index_is_followed(tmp_path):
    shapes = []
    for spacing in ('1', '0.5'):
        folder = write_prepared(tmp_path / 'set', 2, pixel_spacing=spacing)
        again = dataset(folder, [*LOAD, MM], cache={'folder': str(tmp_path / 'cache')})
        shapes.append(again[0]['img'].shape)
    assert shapes == [(64, 48, 3), (32, 24, 3)]


def test_another_mask_in_the_index_is_read_even_of_the_same_size_and_time(tmp_path):
    folder = write_prepared(tmp_path / 'set', 2)
    before = dataset(folder, SAM, cache={})[0]['data_samples'].gt_sem_seg.data
    mask = cv2.imread(str(folder / 'masks' / '00.png'), cv2.IMREAD_UNCHANGED)
    old, new = folder / 'masks' / '00.png', folder / 'masks' / '00_second_reader.png'
    write_png(new, np.ascontiguousarray(mask[::-1, ::-1]))
    size = max(path.stat().st_size for path in (old, new))
    for path in (old, new):  # bytes behind the end of a PNG mean nothing
        path.write_bytes(path.read_bytes().ljust(size, b'\0'))
        os.utime(path, ns=(5, 5))
    dataset(folder, SAM, cache={})[0]
    index = folder / 'index.csv'
    index.write_text(index.read_text().replace('masks/00.png', 'masks/00_second_reader.png'))

    after = dataset(folder, SAM, cache={})[0]['data_samples'].gt_sem_seg.data

    assert not torch.equal(before, after)
    same(dataset(folder, SAM, cache={})[0], dataset(folder, SAM)[0])


def test_a_subset_gets_its_own_images(sixteen, tmp_path, monkeypatch):
    data, plain = dataset(sixteen, SAM, cache={'folder': str(tmp_path)}), dataset(sixteen, SAM)
    for _ in range(2):
        for number in range(8):
            data[number]
    seen = decoded(monkeypatch)
    same(data.get_subset([6, 4])[0], plain[6])
    data.get_subset_([5, 3])
    for number, full in enumerate([5, 3]):
        same(data[number], plain[full])

    assert len(seen) == 3  # by the plain one
    assert str(tmp_path) in data.cache.describe()


def test_data_sets_with_the_same_names_have_chains_of_their_own_in_one_folder(
    tmp_path, monkeypatch
):
    folders = [write_prepared(tmp_path / name, 2) for name in 'ab']
    write_png(folders[1] / 'images' / '00.png', np.full((160, 120), 50, np.uint8))
    cache = {'folder': str(tmp_path / 'cache')}
    seen = decoded(monkeypatch)
    for _ in range(3):
        for folder in folders:
            dataset(folder, SAM, cache=cache)[0]

    assert len(seen) == 2


def test_a_step_of_a_user_may_read_the_whole_row_of_the_index(tmp_path, monkeypatch):
    class ToLeft(BaseTransform):
        cacheable = True

        def transform(self, results):
            if results['laterality'] == 'RIGHT':
                results['img'] = results['img'][:, ::-1]
            return results

    TRANSFORMS.register_module(module=ToLeft, force=True)
    folder = write_prepared(tmp_path / 'set', 2)
    steps = [*LOAD, 'ToLeft', 'PackMammogram']
    seen = decoded(monkeypatch)
    for _ in range(2):
        dataset(folder, steps, cache={})[1]
    assert len(seen) == 1
    index = folder / 'index.csv'
    index.write_text(index.read_text().replace('RIGHT', 'LEFT'))

    same(dataset(folder, steps, cache={})[1], dataset(folder, steps)[1])
    TRANSFORMS.module_dict.pop('ToLeft')


def test_an_image_with_colours_is_not_kept_as_a_grey_one(tmp_path):
    folder = write_prepared(tmp_path / 'set', 2)
    colours = np.random.default_rng(0).integers(0, 255, (160, 120, 3), dtype=np.uint8)
    write_png(folder / 'images' / '00.png', colours)
    steps = ['LoadImageFromFile', 'LoadLesionMask', 'PackMammogram']
    data, plain = dataset(folder, steps, cache={}), dataset(folder, steps)
    for number in (0, 0, 1, 1):
        same(data[number], plain[number])


def test_a_step_may_write_into_a_cached_image_of_one_channel(sixteen, tmp_path):
    class Single(BaseTransform):
        cacheable = True

        def transform(self, results):
            return {**results, 'img': results['img'][..., :1]}

    class Blacken(BaseTransform):
        def transform(self, results):
            results['img'][:5] = 0
            return results

    for step in (Single, Blacken):
        TRANSFORMS.register_module(module=step, force=True)
    steps = [*LOAD, 'Single', 'Blacken', 'PackMammogram']
    data, plain = dataset(sixteen, steps, cache={'folder': str(tmp_path)}), dataset(sixteen, steps)
    for number in (0, 0, 0):
        same(data[number], plain[number])
    for step in (Single, Blacken):
        TRANSFORMS.module_dict.pop(step.__name__)


def test_a_cache_says_its_place_and_counts_what_it_takes(sixteen, tmp_path):
    data = dataset(sixteen, SAM, cache={'folder': str(tmp_path / 'c'), 'limit': '2GB'})

    assert str(tmp_path / 'c') in data.cache.describe()
    assert '2 GB' in data.cache.describe()


def test_over_the_limit_the_rest_is_decoded_and_it_is_said_once(sixteen, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr('mmseg_mammo.datasets.step_cache.print_log', lambda *a: said.append(a))
    plain = dataset(sixteen, SAM)
    data = dataset(sixteen, SAM, cache={'folder': str(tmp_path), 'limit': '20KB'})
    seen = decoded(monkeypatch)
    for _ in range(2):
        for number in range(8):
            same(data[number], plain[number])

    assert 16 < len(seen) < 32
    assert len(said) == 1
    assert '--cache-limit' in said[0][0]


def test_a_pipeline_that_begins_at_random_has_no_cache(sixteen, tmp_path):
    data = dataset(sixteen, ['InPlace'], cache={'folder': str(tmp_path)}, lazy_init=True)
    data.full_init()

    assert data.cache.cache is None
    assert 'none' in data.cache.describe()


def test_errors_of_images_stay_what_they_are(tmp_path):
    folder = write_prepared(tmp_path / 'set', 2)
    data = dataset(folder, SAM, cache={})
    (folder / 'images' / '00.png').unlink()
    with pytest.raises(ValueError, match=r'00\.png: No such file'):
        data[0]


def test_filling_leaves_nothing_to_decode(sixteen, tmp_path, monkeypatch):
    data = dataset(sixteen, STRONG, cache={'folder': str(tmp_path)})
    assert [data.cache.fill(n, lambda n=n: data.get_data_info(n)) for n in range(8)] == [''] * 8
    seen = decoded(monkeypatch)
    for number in range(8):
        data[number]
        assert data.cache.fill(number, lambda n=number: data.get_data_info(n)) == ''

    assert not seen


def test_a_value_that_is_not_kept_exactly_is_not_cached(sixteen, tmp_path, monkeypatch):
    class Odd(BaseTransform):
        cacheable = True

        def transform(self, results):
            return {**results, 'odd': {1, 2}}

    TRANSFORMS.register_module(module=Odd, force=True)
    said = []
    monkeypatch.setattr('mmseg_mammo.datasets.step_cache.print_log', lambda *a: said.append(a))
    data = dataset(sixteen, [*LOAD, 'Odd', 'PackMammogram'], cache={'folder': str(tmp_path)})
    for number in range(3):
        same(data[number], dataset(sixteen, SAM[:3] + SAM[-1:])[number])

    assert len(said) == 1
    assert isinstance(data.cache.cache, PixelCache)
    TRANSFORMS.module_dict.pop('Odd')


@pytest.mark.parametrize('pipeline', [SAM, CROP_AREA])
def test_several_processes_write_and_one_is_killed(sixteen, tmp_path, monkeypatch, pipeline):
    children = []
    for shift in range(4):
        child = os.fork()
        if not child:
            data = dataset(sixteen, pipeline, cache={'folder': str(tmp_path)})
            for turn in range(8):
                data[(turn + 2 * shift) % 8]
                if not shift and turn == 3:
                    os.kill(os.getpid(), signal.SIGKILL)
            os._exit(0)
        children.append(child)
    ends = [os.waitpid(child, 0)[1] for child in children]
    seen = decoded(monkeypatch)
    data = dataset(sixteen, pipeline, cache={'folder': str(tmp_path)})
    data.set_epoch(3, 1)
    found = [data[number] for number in range(8)]
    plain = dataset(sixteen, pipeline)
    plain.set_epoch(3, 1)

    assert ends == [signal.SIGKILL, 0, 0, 0]
    assert not seen
    for one, other in zip(found, plain, strict=True):
        same(one, other)

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

from mmseg_mammo.datasets import MammographyDataset
from mmseg_mammo.engine.config.image_steps import augments
from mmseg_mammo.errors import DataFileError, MammoError
from mmseg_mammo.io.image_keys import image_keys
from mmseg_mammo.io.table import write_table
from mmseg_mammo.io.tables.candidates import COLUMNS
from mmseg_mammo.models.presence.labels import image_label
from mmseg_mammo.transforms import CropAroundLesion

SHAPE = (100, 80)
BREAST = np.s_[10:90, 0:50]


def results(*lesions, kind=np.uint8, one_memory=False, **more):
    """An image whose pixels tell where they are, with lesions as (top, left, height, width)."""
    grey = np.zeros(SHAPE, kind)
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    grey[BREAST] = (100 + rows + columns)[BREAST]
    mask = np.zeros(SHAPE, np.uint8)
    for top, left, height, width in lesions:
        mask[top : top + height, left : left + width] = 1
    three = np.broadcast_to(grey[..., None], (*SHAPE, 3))
    return {
        'img': three if one_memory else three.copy(),
        'gt_seg_map': mask,
        'ori_shape': SHAPE,
        'img_path': 'a.png',
        'image': 'a.png',
        'source': 's',
        'seg_fields': ['gt_seg_map'],
        'annotated': 'lesion' if lesions else 'normal',
        **more,
    }


def table(tmp_path, *rows, image='a.png', extent=0):
    key = image_keys({('s', image)})['s', image]
    file = tmp_path / 'train.csv'
    lines = [dict(zip(COLUMNS, (key, *row[:2], extent, *row[2:]), strict=True)) for row in rows]
    write_table(file, COLUMNS, lines)
    return str(file)


def origin(crop):
    """(x0, y0) of a crop that lies in the breast, from one of its pixels."""
    image = crop['img'][..., 0].astype(int)
    y, x = np.argwhere(image)[0]
    assert image[y, x + 1] == image[y, x] + 1 == image[y + 1, x]
    return image[y, x] - 100 - x - y


@pytest.mark.parametrize('one_memory', [False, True])
@pytest.mark.parametrize('kind', [np.uint8, np.uint16])
def test_validation_crops_the_largest_lesion_in_its_middle(kind, one_memory):
    step = CropAroundLesion(share=0.2, random=False)
    given = results((30, 10, 4, 4), (50, 20, 10, 6), kind=kind, one_memory=one_memory)
    image, mask = given['img'].copy(), given['gt_seg_map'].copy()
    crop = step(given)
    # The middle of the lesion is (22.5, 54.5); 20 pixels around it begin at (13, 45).
    assert np.array_equal(crop['img'], image[45:65, 13:33])
    assert np.array_equal(crop['gt_seg_map'], mask[45:65, 13:33])
    assert crop['img'].dtype == kind
    assert (crop['img'].strides[2] == 0) == one_memory
    assert crop['ori_shape'] == crop['img_shape'] == (20, 20)
    assert crop['annotated'] == 'lesion'


def test_an_image_that_was_shrunk_beside_its_mask_is_refused():
    given = results((30, 10, 4, 4))
    given['img'] = given['img'][::2, ::2]
    with pytest.raises(MammoError, match=r'\(50, 40\) pixels and a mask of \(100, 80\)'):
        CropAroundLesion(share=0.2)(given)


def test_beyond_the_image_there_is_neither_light_nor_lesion():
    crop = CropAroundLesion(share=0.4, random=False)(results((12, 0, 6, 4)))
    assert crop['img'].shape == (40, 40, 3)
    assert not crop['img'][:, :18].any()  # the middle is (1.5, 14.5): it begins at x = -18
    assert crop['gt_seg_map'].sum() == 24
    assert np.argwhere(crop['gt_seg_map'])[0].tolist() == [17, 18]


def test_without_a_lesion_the_best_false_candidate_or_the_breast_is_cropped(tmp_path):
    file = table(tmp_path, (20, 40, 0.3, 0), (30, 60, 0.6, 0), (40, 20, 0.9, 1))
    crop = CropAroundLesion(share=0.2, random=False, candidates=file)(results())
    assert origin(crop) == 30 - 9 + 60 - 9
    assert crop['annotated'] == 'normal'
    crop = CropAroundLesion(share=0.2, random=False)(results())
    assert abs(origin(crop) - (25 - 10 + 50 - 10)) <= 6


def test_millimetres_the_extent_of_the_lesion_and_the_crop_in_millimetres():
    known = {'extent_mm': (50.0, 40.0)}
    crop = CropAroundLesion(share=0.2, mm=15, random=False)(results((50, 20, 4, 4), **known))
    assert crop['img'].shape[:2] == (30, 30)
    assert crop['extent_mm'] == (15.0, 15.0)
    unknown = CropAroundLesion(share=0.2, mm=15, random=False)(results((50, 20, 4, 4)))
    assert unknown['img'].shape[:2] == (20, 20)
    large = CropAroundLesion(share=0.2, factor=2, random=False)(results((40, 5, 30, 20)))
    assert large['img'].shape[:2] == (60, 60)


@pytest.mark.parametrize('candidate_share', [1.0, 0.0])
def test_without_a_lesion_a_crop_is_as_wide_as_that_of_a_false_candidate(tmp_path, candidate_share):
    file = table(tmp_path, (40, 50, 0.9, 0), extent=15)
    given = {'candidates': file, 'jitter': 0, 'scale_jitter': 0, 'lesion_share': 0}
    for factor, side in ((2, 30), (None, 20)):
        step = CropAroundLesion(share=0.2, factor=factor, candidate_share=candidate_share, **given)
        assert step(results((2, 2, 5, 5)))['img'].shape[:2] == (side, side)


def test_presence_is_trained_by_what_the_crop_shows(tmp_path):
    def label(x, y, *lesions, **more):
        file = table(tmp_path, (x, y, 0.9, 0))
        step = CropAroundLesion(
            share=0.2,
            candidates=file,
            jitter=0,
            scale_jitter=0,
            lesion_share=0.0,
            candidate_share=1.0,
        )
        crop = step(results(*lesions, **more))
        return image_label(_sample(crop)), bool((crop['gt_seg_map'] == 1).any())

    lesion = (40, 20, 10, 10)
    assert label(25, 45, lesion) == (1.0, True)
    assert label(35, 45, lesion) == (None, True)  # columns 26 to 45: less than half
    assert label(34, 45, lesion) == (1.0, True)  # exactly half
    assert label(25, 75, lesion) == (0.0, False)
    assert label(25, 75) == (0.0, False)
    # Its source has one label, its crops have both; those of a normal source have one still.
    one_label = dict(trains_presence=False)
    assert label(25, 45, lesion, annotated='lesion', **one_label) == (1.0, True)
    assert label(25, 75, lesion, annotated='lesion', **one_label) == (0.0, False)
    assert label(35, 45, lesion, annotated='lesion', **one_label) == (None, True)
    assert label(25, 75, annotated='normal', **one_label) == (None, False)
    # Half of one of two is enough.
    assert label(25, 45, (40, 20, 4, 4), (60, 0, 30, 40))[0] == 1.0


def _sample(crop):
    from mmseg.structures import SegDataSample

    names = ('annotated', 'trains_presence')
    return SegDataSample(metainfo={name: crop[name] for name in names if name in crop})


def test_of_an_image_with_a_label_alone_nothing_is_known():
    given = results(mask_kind='image-label', annotated='lesion')
    given['gt_seg_map'][:] = 255
    crop = CropAroundLesion(share=0.2)(given)
    assert image_label(_sample(crop)) is None


def test_kinds_are_drawn_by_their_shares(tmp_path):
    """Lesion, candidate and place lie so that their crops do not meet."""
    file = table(tmp_path, (25, 20, 0.9, 0))
    step = CropAroundLesion(share=0.1, candidates=file, jitter=0, scale_jitter=0)
    np.random.seed(0)
    seen = []
    for _ in range(600):
        crop = step(results((70, 20, 4, 4)))
        at_lesion = crop['gt_seg_map'].sum() == 16
        seen.append('l' if at_lesion else 'c' if origin_or(crop) == 25 - 4 + 20 - 4 else 'b')
    shares = [seen.count(kind) / 600 for kind in 'lcb']
    assert shares == pytest.approx([0.5, 0.3, 0.2], abs=0.06)
    seen = [origin_or(step(results())) == 37 for _ in range(300)]
    assert np.mean(seen) == pytest.approx(0.6, abs=0.1)  # 0.3 of 0.3 + 0.2
    only = CropAroundLesion(share=0.1, lesion_share=1.0, candidate_share=0.0)
    assert only(results())['annotated'] == 'normal'


def origin_or(crop):
    try:
        return origin(crop)
    except (AssertionError, IndexError):
        return None


def test_jitter_moves_and_scales_within_its_bounds():
    step = CropAroundLesion(
        share=0.3, jitter=0.1, scale_jitter=0.5, lesion_share=1.0, candidate_share=0
    )
    np.random.seed(1)
    sides, off = [], []
    for _ in range(100):
        crop = step(results((50, 20, 2, 2)))
        side = crop['img'].shape[0]
        x = np.argwhere(crop['gt_seg_map'])[0][1]
        sides.append(side)
        off.append(abs(x + 0.5 - (side - 1) / 2) / side)
    assert 20 <= min(sides) < 25
    assert 38 < max(sides) <= 45
    assert 0.05 < max(off) < 0.1 + 0.5 / 20


def test_places_lie_in_the_breast():
    step = CropAroundLesion(share=0.01, lesion_share=0, candidate_share=0, jitter=0, scale_jitter=0)
    np.random.seed(2)
    inside = [bool(step(results())['img'].any()) for _ in range(60)]
    assert np.mean(inside) > 0.8  # find_breast errs on the large side
    black = results()
    black['img'] = np.zeros_like(black['img'])
    assert step(black)['img'].shape == (1, 1, 3)


def test_a_dataset_repeats_its_crops_and_knows_its_candidates(prepared, tmp_path):
    init_default_scope('mmseg')
    first = MammographyDataset(data_root=str(prepared), pipeline=[]).get_data_info(0)
    key = image_keys({(first['source'], first['image'])})[first['source'], first['image']]
    row = dict(zip(COLUMNS, (key, 9, 9, 0, 0.5, 0), strict=True))
    write_table(tmp_path / 't.csv', COLUMNS, [row])
    steps = [
        *({'type': 'LoadMammogram'}, {'type': 'LoadLesionMask'}),
        {'type': 'CropAroundLesion', 'share': 0.4, 'candidates': str(tmp_path / 't.csv')},
        {'type': 'ResizeMammogram', 'scale': (16, 16), 'interpolation': 'area'},
        {'type': 'PackMammogram'},
    ]
    dataset = MammographyDataset(data_root=str(prepared), pipeline=steps)
    dataset.set_epoch(1, 2)
    one, other, epoch = dataset[0], dataset[0], dataset[len(dataset)]
    assert torch.equal(one['inputs'], other['inputs'])
    assert not torch.equal(one['inputs'], epoch['inputs'])
    assert one['inputs'].shape == (3, 16, 16)
    other = [dict(zip(COLUMNS, ('other', 9, 9, 0, 0.5, 0), strict=True))]
    write_table(tmp_path / 't.csv', COLUMNS, other)
    with pytest.raises(DataFileError, match=r't\.csv: candidates of other and others, but of none'):
        MammographyDataset(data_root=str(prepared), pipeline=steps)


def test_it_is_augmentation():
    assert augments('CropAroundLesion')


@pytest.mark.parametrize(
    ('wrong', 'said'),
    [
        ({'share': 0}, 'share=0 of CropAroundLesion'),
        ({'mm': -1}, 'mm=-1 of CropAroundLesion'),
        ({'factor': 0}, 'factor=0 of CropAroundLesion'),
        ({'jitter': -0.1}, r'jitter=-0\.1'),
        ({'scale_jitter': float('nan')}, 'scale_jitter=nan'),
        ({'lesion_share': 0.8}, r'lesion_share=0\.8, candidate_share=0\.3.*not above 1'),
        ({'candidate_share': -0.1}, r'candidate_share=-0\.1'),
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong, said):
    with pytest.raises(MammoError, match=said):
        CropAroundLesion(**wrong)


def test_its_place_in_a_pipeline_is_checked():
    with pytest.raises(MammoError, match=r'a\.png: CropAroundLesion behind KeepFullImage'):
        CropAroundLesion()(results(full_img=1))
    without = results()
    del without['gt_seg_map']
    with pytest.raises(MammoError, match='CropAroundLesion without a mask'):
        CropAroundLesion()(without)

import shutil
from dataclasses import replace

import pytest
import torch
from prepared_sets import drop_masks, write_prepared

from mmseg_mammo.datasets import CBISDDSMDataset, MammographyDataset, ZGTDataset, base
from mmseg_mammo.errors import DataIndexError, MammoError
from mmseg_mammo.io.index import INDEX_NAME, read_index, write_index


def names(dataset):
    return [dataset.get_data_info(i)['image'] for i in range(len(dataset))]


@pytest.mark.parametrize('kind', [MammographyDataset, CBISDDSMDataset, ZGTDataset])
def test_each_split_holds_its_own_images(prepared, kind):
    sizes = {s: len(kind(data_root=str(prepared), split=s)) for s in ('train', 'val', 'test')}
    assert sizes == {'train': 4, 'val': 2, 'test': 2}


def test_items_carry_what_the_index_says(prepared):
    item = MammographyDataset(data_root=str(prepared), split='train').get_data_info(0)
    assert item['patient_id'] == 'A'
    assert item['finding'] == 'mass'
    assert item['source'] == 'test'
    assert item['img_path'] == str(prepared / 'images/0.png')
    assert item['seg_map_path'] == str(prepared / 'masks/0.png')


def test_a_normal_image_has_no_mask_file_but_is_annotated(prepared):
    item = MammographyDataset(data_root=str(prepared), split='test').get_data_info(1)
    assert (item['annotated'], item['seg_map_path']) == ('normal', None)


def test_images_that_nobody_annotated_come_only_on_request(prepared):
    dataset = MammographyDataset(data_root=str(prepared), split='test', annotated_only=False)
    assert names(dataset) == ['images/6.png', 'images/7.png', 'images/8.png']


def test_a_finding_keeps_joined_findings_and_normal_images(prepared):
    dataset = MammographyDataset(data_root=str(prepared), split='train', finding='mass')
    assert names(dataset) == ['images/0.png', 'images/2.png', 'images/3.png']


def test_images_that_a_finding_leaves_out_are_said(prepared, monkeypatch):
    said = []
    monkeypatch.setattr(base, 'print_log', lambda text, logger: said.append(text))
    MammographyDataset(data_root=str(prepared), split='train', finding='mass')
    (text,) = said
    assert text.endswith("finding='mass' leaves out 1 of 4 images of split train")
    MammographyDataset(data_root=str(prepared), split='val', finding='mass')
    MammographyDataset(data_root=str(prepared), split='train')
    assert len(said) == 1


def test_image_labels_are_kept_unless_told_otherwise(prepared, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(base, 'print_log', lambda text, logger: said.append(text))
    folder = str(drop_masks(prepared, tmp_path / 'mixed', 'images/1.png', 'images/4.png'))
    dataset = MammographyDataset(data_root=folder, split='train')
    item = dataset.get_data_info(1)
    assert len(dataset) == 4
    assert (item['annotated'], item['mask_kind'], item['seg_map_path']) == (
        *('lesion', 'image-label'),
        None,
    )
    assert not said
    masked = MammographyDataset(data_root=folder, split='train', image_labels=False)
    assert names(masked) == ['images/0.png', 'images/2.png', 'images/3.png']
    assert said[0].endswith('image_labels=False leaves out 1 of 4 images of split train')


def test_images_that_nobody_annotated_are_counted(prepared, monkeypatch):
    said = []
    monkeypatch.setattr(base, 'print_log', lambda text, logger: said.append(text))
    MammographyDataset(data_root=str(prepared), split='test')
    (text,) = said
    assert text.endswith('annotated=no leaves out 1 of 3 images of split test')
    MammographyDataset(data_root=str(prepared), split='test', annotated_only=False)
    assert len(said) == 1


def test_views_are_filtered(prepared):
    dataset = MammographyDataset(data_root=str(prepared), split='train', views=('MLO',))
    assert names(dataset) == ['images/1.png', 'images/3.png']


def test_an_unknown_split_is_refused(prepared):
    with pytest.raises(DataIndexError, match=r"'validation'.*train, val, test"):
        MammographyDataset(data_root=str(prepared), split='validation')


def test_filters_that_leave_nothing_say_what_there_is(prepared):
    with pytest.raises(
        DataIndexError, match=r"none of its 9 rows passes.*'asymmetry'.*mass.*annotated: lesion"
    ):
        MammographyDataset(data_root=str(prepared), views=('ML',), finding='asymmetry')


def test_images_that_nobody_annotated_are_for_predict(prepared, tmp_path):
    rows = read_index(prepared / INDEX_NAME)
    bare = [replace(row, annotated='no', mask='') for row in rows]
    shutil.copytree(prepared / 'images', tmp_path / 'images')
    write_index(tmp_path / INDEX_NAME, bare)
    with pytest.raises(DataIndexError, match='take mammoseg predict, which needs no annotation'):
        MammographyDataset(data_root=str(tmp_path))
    with pytest.raises(DataIndexError, match=r'of the dataset in the config\.$'):
        MammographyDataset(
            data_root=str(prepared), split='train', finding='asymmetry', views=('ML',)
        )


def test_a_missing_index_says_what_to_do(tmp_path):
    with pytest.raises(DataIndexError, match=r'index\.csv: No such file.*prepare'):
        MammographyDataset(data_root=str(tmp_path))


@pytest.mark.parametrize(
    'options',
    [
        dict(metainfo=dict(classes=('lesion', 'background'))),
        dict(metainfo=dict(classes=['background', 'mass'])),
        dict(metainfo=dict(classes=('background',))),
        dict(metainfo=dict(classes=('background', 'mass', 'calcification'))),
        dict(metainfo=dict(classes='lesion')),
        dict(metainfo=dict(palette=[[0, 0, 0]])),
        dict(metainfo=dict(palette=[[0, 0, 0], [1, 1, 1], [2, 2, 2]])),
        dict(reduce_zero_label=True),
        dict(ignore_index=0),
        dict(img_suffix='.tif'),
        dict(seg_map_suffix='_mask.png'),
        dict(filter_cfg=dict(filter_empty_gt=True)),
    ],
    ids=str,
)
@pytest.mark.parametrize('kind', [MammographyDataset, CBISDDSMDataset])
def test_what_would_not_be_heeded_is_refused(kind, options, prepared):
    with pytest.raises(MammoError, match='Allowed'):
        kind(data_root=str(prepared), **options)


def test_the_hosts_options_may_say_what_is_so_anyway(prepared):
    """Colours of one's own, and names by a class of one's own, whose labels are the same."""
    colours = [[0, 0, 0], [255, 0, 0]]
    info = dict(classes=['background', 'lesion'], palette=colours)
    dataset = MammographyDataset(
        data_root=str(prepared), metainfo=info, reduce_zero_label=False, ignore_index=255
    )
    assert dataset.metainfo['palette'] == colours
    assert dataset.get_data_info(0)['label_map'] is None
    named = type('Masses', (MammographyDataset,), {'METAINFO': dict(classes=('none', 'mass'))})
    assert named(data_root=str(prepared)).metainfo['classes'] == ('none', 'mass')
    for classes in (('lesion', 'background'), ('background', 'mass', 'calcification')):
        wrong = type('Wrong', (MammographyDataset,), {'METAINFO': dict(classes=classes)})
        with pytest.raises(MammoError, match='two classes, background first'):
            wrong(data_root=str(prepared))


@pytest.mark.parametrize('cache', [None, {}])
def test_without_random_steps_too_an_image_may_be_drawn_more_than_once(tmp_path, cache):
    folder = write_prepared(tmp_path / 'set', 3)
    steps = [{'type': name} for name in ('ReadMammogram', 'MapIntensity', 'PackMammogram')]
    data = MammographyDataset(data_root=str(folder), pipeline=steps, cache=cache)

    for number in (1 + 3, 1 + 300, 1 - 3):
        assert torch.equal(data[number]['inputs'], data[1]['inputs'])

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


@pytest.fixture
def normals(tmp_path):
    """Four images of another hospital, with the names of the first: two normal, one unannotated."""
    folder = write_prepared(tmp_path / 'normals', 4, source='other')
    rows = read_index(folder / INDEX_NAME)
    for number, annotated in ((0, 'normal'), (1, 'normal'), (2, 'no')):
        rows[number] = replace(rows[number], annotated=annotated, mask='', finding='')
    rows[1] = replace(rows[1], split='val')
    write_index(folder / INDEX_NAME, [replace(r, image=r.image.replace('/0', '/')) for r in rows])
    for path in (folder / 'images').iterdir():
        path.rename(path.with_name(path.name[1:]))
    return folder


def test_images_of_other_folders_are_added(prepared, normals):
    data = dict(data_root=str(prepared), split='train')
    alone = MammographyDataset(**data)
    dataset = MammographyDataset(**data, normal_sources=(str(normals),))
    assert names(dataset) == [*names(alone), 'images/0.png', 'images/3.png']
    own, added = dataset.get_data_info(0), dataset.get_data_info(4)
    assert (own['image'], own['source']) == ('images/0.png', 'test')
    assert (added['source'], added['annotated']) == ('other', 'normal')
    assert added['img_path'] == str(normals / 'images/0.png')
    assert dataset.get_data_info(5)['seg_map_path'] == str(normals / 'masks/03.png')
    assert dataset.left_out == (1, 0, 0)
    assert dataset.indices == [prepared / INDEX_NAME, normals / INDEX_NAME]
    assert MammographyDataset(**data, normal_sources=str(normals)).normal_sources == (str(normals),)


def test_presence_is_trained_by_sources_with_both_labels(tmp_path, normals):
    data = dict(
        data_root=str(write_prepared(tmp_path / 'lesions', 3)), normal_sources=[str(normals)]
    )

    def told(**more):
        dataset = MammographyDataset(**data, **more)
        items = [dataset.get_data_info(number) for number in range(len(dataset))]
        return {item['source']: item.get('trains_presence') for item in items}

    own, other = told()
    assert (other, told()[own], told()[other]) == ('other', False, None)
    assert set(told(allow_confounded=True).values()) == {None}


def test_filters_hold_for_other_folders_too(prepared, normals):
    sources = (str(normals),)
    dataset = MammographyDataset(
        data_root=str(prepared), finding='calcification', normal_sources=sources
    )
    added = [dataset.get_data_info(i) for i in range(len(dataset))]
    assert [item['image'] for item in added if item['source'] == 'other'] == ['images/0.png']
    with pytest.raises(DataIndexError, match='none of its 4 rows passes'):
        MammographyDataset(data_root=str(prepared), views=('MLO',), normal_sources=sources)


def test_a_split_that_another_folder_lacks_is_said_and_refused_in_training(
    prepared, normals, monkeypatch
):
    said = []
    monkeypatch.setattr(base, 'print_log', lambda text, logger: said.append(text))
    sources = (str(normals),)
    test = MammographyDataset(data_root=str(prepared), split='test', normal_sources=sources)
    assert len(test) == 2
    assert said[-1].endswith('no image of it is added to split test (normal_sources)')
    rows = [replace(row, split='val') for row in read_index(normals / INDEX_NAME)]
    write_index(normals / INDEX_NAME, rows)
    with pytest.raises(DataIndexError, match='no row of split train'):
        MammographyDataset(data_root=str(prepared), split='train', normal_sources=sources)


def test_a_folder_named_twice_is_refused(prepared):
    with pytest.raises(DataIndexError, match=r"images of source 'test' are called images/0\.png"):
        MammographyDataset(data_root=str(prepared), normal_sources=(str(prepared),))


def test_subsets_have_images_of_other_folders(prepared, normals):
    dataset = MammographyDataset(data_root=str(prepared), normal_sources=[str(normals)])
    subset = dataset.get_subset([4, 0])
    assert [subset.get_data_info(i)['source'] for i in range(2)] == ['other', 'test']


def test_prompt_steps_know_the_images_of_all_folders(prepared, normals):
    class Step:
        def know_index(self, images):
            self.known = images

        def __call__(self, results):
            return results

    step = Step()
    dataset = MammographyDataset(
        data_root=str(prepared), normal_sources=[str(normals)], lazy_init=True
    )
    dataset.pipeline.transforms = [step]
    dataset.full_init()
    assert len(step.known) == 9 + 4


def test_the_cache_tells_images_of_one_name_apart(prepared, normals, tmp_path):
    steps = [dict(type='ReadMammogram'), dict(type='LoadLesionMask'), dict(type='PackMammogram')]
    dataset = MammographyDataset(
        data_root=str(prepared), normal_sources=[str(normals)], pipeline=steps
    )
    plain = [dataset[index]['inputs'] for index in range(len(dataset))]
    dataset.use_cache(tmp_path / 'cache')
    order = [5, 4, 3, 2, 1, 0]
    for chosen in (dataset, dataset.get_subset(order)):
        for _ in range(2):
            found = [chosen[index]['inputs'] for index in range(len(chosen))]
            expected = plain if chosen is dataset else [plain[index] for index in order]
            assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert not torch.equal(plain[0], plain[4])

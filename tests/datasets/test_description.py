"""What is said of a data set; test_run_record.py has it in a run's record."""

import hashlib

from mmengine.dataset import ConcatDataset, RepeatDataset
from prepared_sets import drop_masks, write_prepared

from mmseg_mammo.datasets.base import MammographyDataset
from mmseg_mammo.datasets.description import describe_data, members


def test_a_data_set_is_described_in_counts(prepared):
    dataset = MammographyDataset(data_root=str(prepared), split='train', finding='mass')
    assert describe_data(dataset) == {
        'type': 'MammographyDataset',
        'data_root': str(prepared),
        'index_sha256': hashlib.sha256((prepared / 'index.csv').read_bytes()).hexdigest(),
        'split': 'train',
        'finding': 'mass',
        'images': 3,
        'patients': 2,
        'left_out': {'not_annotated': 0, 'other_finding': 1},
        'annotated': {'lesion': 2, 'normal': 1},
        'mask_kind': {'phantom': 3},
        'source': {'test': 3},
    }


def test_a_part_says_what_it_is_a_part_of(prepared, tmp_path):
    lines = (prepared / 'index.csv').read_text().splitlines(keepends=True)
    for folder in ('images', 'masks'):  # paths are those below the index
        (tmp_path / folder).symlink_to(prepared / folder)
    part = tmp_path / 'part.csv'
    part.write_text(''.join(lines[:3]))
    found = describe_data(MammographyDataset(data_root=prepared, ann_file=str(part), pipeline=[]))
    whole = describe_data(MammographyDataset(data_root=prepared, pipeline=[]))
    assert found['part_of'] == whole['index_sha256'] != found['index_sha256']
    assert 'part_of' not in whole


def test_images_that_nobody_annotated_are_counted_where_they_are_left_out(prepared):
    data = dict(data_root=str(prepared), split='test')
    said = {'not_annotated': 1, 'other_finding': 0}
    assert describe_data(MammographyDataset(**data))['left_out'] == said
    lazy = MammographyDataset(**data, lazy_init=True)
    assert describe_data(lazy)['left_out'] == said
    every = describe_data(MammographyDataset(**data, annotated_only=False))
    assert (every['images'], every['left_out']['not_annotated']) == (3, 0)


def test_image_labels_are_counted_where_there_are_some(prepared, tmp_path):
    data = dict(data_root=str(drop_masks(prepared, tmp_path / 'mixed', 'images/1.png')))
    found = describe_data(MammographyDataset(**data))
    assert (found['image_labels'], found['mask_kind']) == (1, {'image-label': 1, 'phantom': 3})
    assert 'image_labels' not in found['left_out']
    without = describe_data(MammographyDataset(**data, image_labels=False))
    assert 'image_labels' not in without
    assert without['left_out']['image_labels'] == 1


def test_members_are_found_at_any_depth_and_described_one_by_one(prepared):
    one, two = (MammographyDataset(data_root=str(prepared), split=s) for s in ('train', 'val'))
    both = ConcatDataset([one, two])
    repeated = RepeatDataset(dict(type='ConcatDataset', datasets=[one, two]), times=3)
    assert members(one) == [one]
    assert members(both) == members(repeated) == [one, two]
    found = describe_data(both)
    assert (found['type'], found['images']) == ('ConcatDataset', 6)
    assert found['members'] == [describe_data(one), describe_data(two)]


def test_other_folders_are_described_by_the_hash_of_their_index(prepared, tmp_path):
    other = write_prepared(tmp_path / 'other', 2, source='test, lesion-free crops', patient_id='A')
    dataset = MammographyDataset(data_root=str(prepared), normal_sources=(str(other),))
    found = describe_data(dataset)
    digest = hashlib.sha256((other / 'index.csv').read_bytes()).hexdigest()
    assert found['normal_sources'] == [{'data_root': str(other), 'index_sha256': digest}]
    assert found['source'] == {'test': 4, 'test, lesion-free crops': 2}
    # A is a patient of the first folder: cuts are of the same patients.
    assert (
        found['patients'] == describe_data(MammographyDataset(data_root=str(prepared)))['patients']
    )

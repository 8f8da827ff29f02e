"""Files as they are understood: masks, label maps, probabilities, on two grids and no other."""

from copy import deepcopy

import numpy as np
import pydicom
import pytest
from imported_masks import ORIGINAL, SHAPE, disc
from segmentations import digital, save

from mmseg_mammo.errors import DataFileError, MammoError
from mmseg_mammo.inference.imported.find import MaskFile
from mmseg_mammo.inference.imported.masks import Reading, read_marks
from mmseg_mammo.io.dicom.segmentation import write_segmentation
from mmseg_mammo.io.image import resize_mask, write_png

MARK = disc((10, 10))


def read(path, pixels, **options):
    write_png(path / 'a.png', pixels)
    return read_marks(MaskFile(path / 'a.png'), SHAPE, ORIGINAL, Reading(**options))


@pytest.mark.parametrize('value', [1, 255, 65280])
def test_any_value_beside_0_is_lesion(tmp_path, value):
    found = read(tmp_path, MARK.astype(np.uint16) * value)
    assert (found.mask == MARK).all()
    assert (found.probability == MARK).all()
    assert not found.resized


def test_an_empty_mask_and_no_file_mark_nothing(tmp_path):
    assert not read(tmp_path, np.zeros(SHAPE, np.uint8)).mask.any()
    for file in (None, MaskFile(None)):
        found = read_marks(file, SHAPE, ORIGINAL, Reading())
        assert (found.mask.shape, found.mask.any(), found.probability.max()) == (SHAPE, False, 0)


def test_a_system_may_mark_the_whole_image(tmp_path):
    assert read(tmp_path, np.full(SHAPE, 255, np.uint8)).mask.all()


def test_values_of_a_label_map_are_chosen(tmp_path):
    labels = MARK.astype(np.uint8) * 2 + disc((30, 30)) * 1
    found = read(tmp_path, labels.astype(np.uint8), lesion_values=(2,))
    assert (found.mask == MARK).all()


def test_a_mask_of_the_original_grid_is_resized_and_loses_no_lesion(tmp_path):
    whole = np.zeros(ORIGINAL, bool)
    whole[51, 31] = True
    found = read(tmp_path, whole.astype(np.uint8))
    assert found.resized
    assert (found.mask == resize_mask(whole, SHAPE)).all()
    assert found.mask.sum() == 1


@pytest.fixture
def segmentation(tmp_path):
    """A function that writes a SEG of an image of that UID, changed as wished."""
    pytest.importorskip('highdicom')
    source = save(tmp_path, digital(SHAPE, SOPInstanceUID='1.2.3'))

    def write(change):
        path = tmp_path / 'seg.dcm'
        write_segmentation(source, MARK, path, model='cad')
        seg = pydicom.dcmread(path)
        change(seg)
        seg.save_as(path)
        return path

    return write


def test_segments_of_several_kinds_are_not_all_lesions(segmentation):
    def add_a_breast(seg):
        second = deepcopy(seg.SegmentSequence[0])
        second.SegmentNumber, second.SegmentLabel = 2, 'Breast'
        second.SegmentedPropertyTypeCodeSequence[0].CodeValue = '76752008'
        seg.SegmentSequence.append(second)

    file = MaskFile(segmentation(add_a_breast), '1.2.3')
    with pytest.raises(DataFileError, match=r'\(1 Lesion, 2 Breast\)'):
        read_marks(file, SHAPE, ORIGINAL, Reading())
    found = read_marks(file, SHAPE, ORIGINAL, Reading(lesion_values=(1,)))
    assert (found.mask == MARK).all()
    assert not read_marks(file, SHAPE, ORIGINAL, Reading(lesion_values=(2,))).mask.any()


def test_an_image_that_a_segmentation_names_without_a_frame_is_not_marked(segmentation):
    def rename(seg):
        group = seg.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0]
        group.SourceImageSequence[0].ReferencedSOPInstanceUID = '9.9'

    path = segmentation(rename)
    assert not read_marks(MaskFile(path, '1.2.3'), SHAPE, ORIGINAL, Reading()).mask.any()
    assert read_marks(MaskFile(path, ''), SHAPE, ORIGINAL, Reading()).mask.any()


@pytest.mark.parametrize('shape', [(61, 40), (30, 20), (40, 60)])
@pytest.mark.parametrize('probabilities', [False, True])
def test_another_grid_is_refused(tmp_path, shape, probabilities):
    with pytest.raises(DataFileError, match=r'pixels .*Allowed: 60×40.*, or 120×80'):
        read(tmp_path, np.eye(*shape, dtype=np.uint8), probabilities=probabilities)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_probabilities_are_shares_of_the_highest_level_and_are_cut(tmp_path, dtype):
    top = np.iinfo(dtype).max
    levels = np.zeros(SHAPE, dtype)
    levels[:, 3], levels[:, 4] = top // 4, top // 2 + 1
    found = read(tmp_path, levels, probabilities=True)
    assert found.probability[0, 3] == pytest.approx(0.25, abs=0.004)
    assert np.flatnonzero(found.mask[0]).tolist() == [4]
    lower = read(tmp_path, levels, probabilities=True, threshold=0.2)
    assert np.flatnonzero(lower.mask[0]).tolist() == [3, 4]
    assert found.highest == top // 2 + 1


def test_probabilities_of_the_original_grid_are_resized_before_they_are_cut(tmp_path):
    levels = np.zeros(ORIGINAL, np.uint8)
    levels[20:22, 30] = 255  # half of one pixel of the prepared grid
    found = read(tmp_path, levels, probabilities=True, threshold=0.4)
    assert found.probability[10, 15] == pytest.approx(0.5)
    assert found.mask.sum() == 1
    assert not read(tmp_path, levels, probabilities=True, threshold=0.6).mask.any()
    levels[20:22, 30] = 153  # beyond the threshold there, 0.3 here
    assert not read(tmp_path, levels, probabilities=True, threshold=0.4).mask.any()


def test_a_pixel_at_the_threshold_is_no_lesion(tmp_path):
    levels = np.full(SHAPE, 51, np.uint8)
    levels[0, 0] = 52
    assert read(tmp_path, levels, probabilities=True, threshold=0.2).mask.sum() == 1


def test_probabilities_without_saying_so_are_refused(tmp_path):
    levels = np.arange(SHAPE[0] * SHAPE[1], dtype=np.uint16).reshape(SHAPE)
    with pytest.raises(DataFileError, match='add --probabilities'):
        read(tmp_path, levels)


@pytest.mark.parametrize(
    ('options', 'fault'),
    [
        (dict(threshold=0.3), 'without --probabilities'),
        (dict(threshold=3.0, probabilities=True), 'a probability from 0 to 1'),
        (dict(lesion_values=(1,), probabilities=True), 'one of them'),
    ],
)
def test_settings_that_do_not_go_together_are_refused(options, fault):
    with pytest.raises(MammoError, match=fault):
        Reading(**options)

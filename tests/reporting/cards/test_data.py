"""The card of prepared data: counts, limits, and no identifier."""

from dataclasses import replace

from mmseg_mammo.io.index import Row
from mmseg_mammo.reporting.cards.card import render_card
from mmseg_mammo.reporting.cards.data import data_card

LESION = Row(
    *('images/secret_1.png', 'masks/secret_1.png', 'SECRET-1', 'LEFT', 'CC', 'train', 'mass'),
    *('malignant', 'B', 'lesion', 'weak', 'ours', 3000, 2000),
)
ROWS = [
    LESION,
    replace(LESION, image='images/2.png', mask='masks/2.png', view='MLO', mask_kind='contour'),
    replace(LESION, image='images/3.png', mask='', patient_id='SECRET-3', split='test', view='',
            annotated='normal', finding='', pathology='normal', pixel_spacing='0.1 0.1'),
]  # fmt: skip
OPTIONS = {'input': '/home/hospital/export', 'long_side': 2048}


def page(rows=ROWS, options=OPTIONS, audit={'prepared': 3, 'skipped': 1}):  # noqa: B006
    return render_card('Data', data_card(rows, 'f' * 64, options, audit), {})


def test_images_patients_and_breasts_are_counted_by_split():
    text = page()
    assert (
        '3 mammograms of 2 patients: 2 with a marked lesion, 1 that a reader found normal' in text
    )
    for line in (
        '| train | 2 | 1 | 1 | 2 | 0 | 0 |',
        '| test | 1 | 1 | 1 | 0 | 1 | 0 |',
        '| all | 3 | 2 | 2 | 2 | 1 | 0 |',
        '| MLO | 1 | 0 | 0 |',
        '| unknown | 0 | 0 | 1 |',
        '| median | 3000 | 2000 |',
        'Prepared with: long_side 2048. Lines of the source: 3 prepared, 1 skipped.',
        'f' * 64,
    ):
        assert line in text


def test_kinds_are_those_of_masks_that_are_there():
    text = page([*ROWS, replace(ROWS[-1], image='images/9.png', annotated='no')])
    for line in (
        '| split | images | patients | breasts | lesion | normal | not annotated |',
        '| contour | 1 | 0 | 0 |',
        '| weak | 1 | 0 | 0 |',
        '| no mask | 0 | 0 | 2 |',
    ):
        assert line in text.replace(' ---: |', '').replace(' --- |', '')
    synthetic = [replace(row, mask_kind='phantom') for row in ROWS]
    assert '| phantom | 2 | 0 | 1 |' in page(synthetic)


def test_lesions_that_nobody_outlined_are_told_apart():
    label = replace(LESION, image='images/8.png', mask='', mask_kind='image-label')
    text = page([*ROWS, label])
    for line in (
        '4 mammograms of 2 patients: 2 with a marked lesion, 1 with a lesion that nobody outlined, 1 that',
        '- Of 1 images with a lesion nobody says where it is: no mask.',
        '| image-label | 1 | 0 | 0 |',
    ):
        assert line in text
    assert 'nobody outlined' not in page()


def test_no_reader_found_a_cut_normal():
    cuts = [replace(row, source='ours, lesion-free sides') for row in ROWS]
    text = page(cuts)
    assert '1 cut where no lesion was annotated, 0 that a reader found normal' in text
    assert '- 3 images are cuts of other images' in text
    assert 'cut' not in page()


def test_limits_are_those_of_the_index():
    text = page()
    for line in (
        '- 1 masks are weak',
        '- There is no val split.',
        '- train: fewer than 20 patients',
        '- view is unknown of 1 images (33%).',
        '- The size of a pixel is unknown of 2 images',
    ):
        assert line in text
    assert 'synthetic' not in text
    assert 'No image is known to be normal' not in text
    phantom = [replace(row, mask_kind='phantom') for row in ROWS[:2]]
    assert '- 2 images are synthetic' in page(phantom)
    assert 'No image is known to be normal' in page(phantom)


def test_it_names_no_patient_no_file_and_no_folder():
    assert not any(word in page() for word in ('SECRET', 'secret', '/home'))


def test_what_lies_beside_the_index_may_be_missing():
    assert '### Input data source\n\nUnknown' in page(options={}, audit={})

"""Notes and tables of a prediction page say what its files say."""

import pytest
from prediction_folders import RUN, image_line

from mmseg_mammo.reporting.page.page import split_badge
from mmseg_mammo.reporting.sections.predictions import (
    MOST,
    model_name,
    prediction_notes,
    prediction_sections,
)

FAILED = [{'image': f'{n}.dcm', 'reason': 'cut off'} for n in range(3)]


def line(number, score=0.5, regions=1.0, seconds=0.25):
    return {**image_line(number), 'score': score, 'regions': regions, 'seconds': seconds}


IMAGES = [line(0, seconds=0.1), line(1, regions=0.0, seconds=0.2), line(2, seconds=30.0)]


def notes(images=(), failed=(), shown=None, **run):
    shown = len(images) if shown is None else shown
    return dict(map(split_badge, prediction_notes({**RUN, **run}, images, failed, shown)))


def tables(images=(), breasts=(), failed=(), **run):
    """Every table by its name: its rows as dicts, and its notes."""
    sections = prediction_sections({**RUN, **run}, images, breasts, failed)
    return {
        table.name: (
            [dict(zip(table.columns, row, strict=True)) for row in table.rows],
            table.notes,
        )
        for section in sections
        for table in section.items
    }


def test_an_ordinary_run_has_two_notes_and_the_first_is_that_it_is_no_medical_device():
    assert list(notes(IMAGES)) == ['Not a medical device', 'Threshold']


@pytest.mark.parametrize(
    ('badge', 'words', 'run'),
    [
        ('Not finished', 'is running', {'state': 'running'}),
        ('Trained on phantoms', '300 of 1,200', {'mask_kind': {'phantom': 300, 'contour': 900}}),
        ('Trained on weak masks', '5 of 5', {'mask_kind': {'weak': 5}}),
        ('Prompts given', 'points.csv told', {'prompts': '/home/somebody/points.csv'}),
        ('Threshold', 'above 0.31.', {'threshold': 0.31}),
        ('Threshold', 'above 0.3143.', {'threshold': 0.3142857142857143}),
        ('Threshold', 'the value is from op.json.', {'operating_point': 'op.json'}),
        (
            'Other input than in training',
            'voi is False; expect worse',
            {'input_differs_from_training': ['voi is False']},
        ),
        ('Calibrated', 'temperature 1.733.', {'temperature': 1.7333333333333}),
        ('Breast only', 'outside the breast', {'breast_only': True}),
    ],
)
def test_what_must_be_known_is_a_note(badge, words, run):
    assert words in notes(**run)[badge]


def test_images_without_a_prompt_are_counted_and_no_folder_is_told():
    told = notes(prompts='/home/somebody/points.csv', counts={'without_prompt': 7})
    assert '7 images without a prompt are predicted empty' in told['Prompts given']
    assert 'somebody' not in told['Prompts given']


def test_failed_files_are_a_note_and_a_table_of_all():
    assert notes(IMAGES, FAILED)['Failed'].startswith('3 of 6 files')
    many = [{'image': f'{n}.dcm', 'reason': ''} for n in range(3 * MOST)]
    rows, _ = tables(failed=many)['failed']
    assert [row['file'] for row in rows] == [each['image'] for each in many]
    assert rows[0]['reason'] is None


def test_an_image_without_a_seg_is_listed_and_has_its_prediction():
    without = {'image': IMAGES[0]['image'], 'reason': 'predicted, but not written as DICOM SEG: …'}
    told = notes(IMAGES, [*FAILED, without])
    assert told['Failed'].startswith('3 of 6 files')
    assert told['No DICOM SEG'].startswith('1 images were predicted')
    assert len(tables(IMAGES, failed=[*FAILED, without])['failed'][0]) == 4
    assert tables(IMAGES, failed=[*FAILED, without])['summary'][0][0]['failed'] == 3
    assert list(notes(IMAGES, [without])) == ['Not a medical device', 'No DICOM SEG', 'Threshold']
    (section,) = [
        s for s in prediction_sections(RUN, IMAGES, (), [without]) if s.anchor == 'failed'
    ]
    assert section.warnings == ()


def test_images_that_are_not_shown_are_counted():
    images = [line(n) for n in range(MOST + 200)]
    assert notes(images, shown=MOST)['Images shown'].startswith('1,000 of 1,200, from the highest')
    assert 'not in viewer/' in notes(IMAGES, shown=2)['Images shown']
    assert 'Images shown' not in notes(IMAGES)


def test_the_summary_counts_and_takes_the_median_of_the_seconds():
    (row,), (versions,) = tables(IMAGES, failed=FAILED)['summary']
    assert row == {
        'images': 3,
        'with marks': 2,
        'without marks': 1,
        'failed': 3,
        'seconds an image (median)': 0.2,
        'device': 'cpu',
        'flips': 'no',
        'started': RUN['started'],
    }
    assert versions == 'Versions: mmseg_mammo 0.9.0, torch 2.1.2.'


def test_a_checkpoint_is_its_name_and_twelve_digits_and_its_folder_is_not_told():
    (row,), _ = tables()['checkpoints']
    assert tuple(row.values()) == ('unet_cbis', 'epoch_9.pth', '0123456789ab', 'CBIS-DDSM')


def test_several_checkpoints_are_called_a_mean():
    assert model_name(RUN) == 'unet_cbis'
    assert model_name({'checkpoints': [{'file': 'a/b.pth', 'name': None}]}) == 'b'
    assert model_name({'checkpoints': RUN['checkpoints'] * 3}) == 'mean of 3 checkpoints'


def test_breasts_have_whole_counts_and_no_more_rows_than_a_page_takes():
    breast = {
        'patient_id': 'P1',
        'laterality': '',
        'images': 2.0,
        'views': 'CC MLO',
        'score': 0.98765432,
        'regions': None,
        'files': 'a.dcm b.dcm',
    }
    rows, cut = tables(breasts=[breast])['breasts']
    assert list(rows[0].values()) == ['P1', None, 2, 'CC MLO', 0.9877, None, 'a.dcm b.dcm']
    assert cut == ()
    rows, cut = tables(breasts=[breast] * (MOST + 1))['breasts']
    assert len(rows) == MOST
    assert cut[0].startswith('1,000 of 1,001 breasts')

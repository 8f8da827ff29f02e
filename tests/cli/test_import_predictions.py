"""``import-predictions``: masks of a model of ours come back with the numbers of its own test."""

import csv

import pytest
from tool_calls import CBIS, options

from mmseg_mammo.cli.import_predictions import say_what_is_odd
from mmseg_mammo.cli.main import main
from mmseg_mammo.io.run_folder import COUNTS

# Columns that come from probabilities, or are of the 224 grid, on which networks predict.
_OTHERS = ('max_probability', 'mask_file')


def lines(work_dir, name):
    (path,) = work_dir.glob(f'*/{name}')
    with path.open() as stream:
        return list(csv.DictReader(stream))


def without(row):
    return {name: cell for name, cell in row.items() if name not in _OTHERS and '224' not in name}


def test_masks_of_our_own_test_give_its_numbers_to_the_bit(trained, prepared, tmp_path, capsys):
    # Cut where this little model marks something.
    asked = ['--threshold', '0.5', '--out', str(tmp_path / 'masks')]
    given = [CBIS, str(trained / 'epoch_1.pth'), '--work-dir', str(tmp_path / 'ours'), *asked]
    main(['test', *given, '--cfg-options', *options(prepared, 'test')])
    back = [str(prepared), str(tmp_path / 'masks'), '--name', 'again']
    main(['import-predictions', *back, '--work-dir', str(tmp_path / 'again 2.1')])
    ours, again = (lines(tmp_path / name, 'per_image_test.csv') for name in ('ours', 'again 2.1'))
    assert [without(row) for row in ours] == [without(row) for row in again]
    assert all(set(COUNTS) <= set(without(row)) for row in again)
    assert any(float(row['intersection_pixels']) for row in again)
    ours, again = (
        [
            {**row, 'score': ''}
            for row in lines(tmp_path / name, 'lesions_test.csv')
            if row['predicted'] != '0'  # detections above the floor, but below the threshold
        ]
        for name in ('ours', 'again 2.1')
    )
    assert len(ours) == len(again)
    assert f"Next: mammoseg report '{tmp_path / 'again 2.1'}/" in capsys.readouterr().out


def test_what_is_odd_is_said():
    facts = {
        'images': 9,
        'missing': 4,
        'missing_images': ['a', 'b', 'c', 'd'],
        'unmatched': 1,
        'unmatched_files': ['x.png'],
        'of_other_images': 5,
        'by_file_name_alone': 2,
        'resized': 3,
        'over_half': 2,
        'kind': 'masks',
    }
    said = say_what_is_odd(facts)
    assert said[0] == '4 of 9 images have no file, and are scored as empty: a, b, c, …'
    assert said[1].endswith('mean no image of the index: x.png')
    assert said[5].startswith('2 mark more than half of the image: inverted masks')
    assert len(said) == 7
    nothing = dict.fromkeys(facts, 0) | {'kind': 'probabilities'}
    assert say_what_is_odd(nothing) == []


def test_a_fault_is_one_line(prepared, tmp_path):
    with pytest.raises(SystemExit, match=r'^error: .*no such folder'):
        main(['import-predictions', str(prepared), str(tmp_path / 'x'), '--name', 'x'])
    with pytest.raises(SystemExit, match='whole numbers joined by commas'):
        values = ['--lesion-values', 'mass']
        main(['import-predictions', str(prepared), str(tmp_path), '--name', 'x', *values])

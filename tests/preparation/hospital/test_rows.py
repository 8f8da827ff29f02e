from dataclasses import replace

import pytest

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.io.index import Row
from mmseg_mammo.preparation.hospital.entry import ROUND, Entry, Gaps, Problem
from mmseg_mammo.preparation.hospital.rows import (
    add_rounds,
    group_by_image,
    note_splits,
    refuse_doubtful,
    warnings_about,
)

UNKNOWN = dict.fromkeys(('laterality', 'view', 'finding', 'pathology', 'density', 'annotated'), '')


@pytest.fixture
def entry(tmp_path):
    def entry(row, image='a.png', mask='m.png', patient='P1', **changes):
        path = tmp_path / image
        path.touch()
        return Entry(
            place=f'row {row}',
            relative=image,
            image=path,
            mask=tmp_path / mask if mask else None,
            patient_id=patient,
            **{**UNKNOWN, 'split': 'test', **changes},
        )

    return entry


def test_one_file_under_several_paths_is_one_image(entry, tmp_path):
    (tmp_path / 'link.png').symlink_to('a.png')
    (tmp_path / 'sub').mkdir()
    rows = [entry(2), entry(3, 'link.png', 'n.png'), entry(4, 'sub/../a.png'), entry(5, 'b.png')]
    groups, problems = group_by_image(rows)
    assert [[e.place for e in group] for group in groups] == [
        ['row 2', 'row 3', 'row 4'],
        ['row 5'],
    ]
    assert not problems


def test_a_bad_row_takes_those_with_it_that_name_its_image_in_another_way(entry, tmp_path):
    bad = Problem('row 9', 'link.png', 'no mask', str(tmp_path / 'a.png'))
    groups, problems = group_by_image([entry(2), entry(3, 'b.png')], [bad])
    assert [group[0].place for group in groups] == ['row 3']
    assert str(problems[0]) == 'row 2: left out with row 9'


def test_rows_that_contradict_each_other_are_told_with_both_values(entry):
    rows = [entry(2), entry(3, annotated='normal', mask='')]
    groups, problems = group_by_image(rows)
    assert not groups
    assert str(problems[1]) == 'row 3: a.png has rows with different annotated: empty, normal'


@pytest.mark.parametrize(
    ('doubt', 'annotated', 'state', 'refused'),
    [
        ('finding is mass', '', 'normal', True),
        ('finding is mass', 'normal', 'normal', False),
        ('finding is mass', '', 'lesion', False),
        ('', '', 'normal', False),
    ],
)
def test_an_empty_mask_is_believed_unless_the_row_tells_of_a_lesion(
    entry, doubt, annotated, state, refused
):
    record = {'annotated': state}
    made = refuse_doubtful([entry(2, doubt=doubt, annotated=annotated)], record)
    assert (made == record) is not refused
    assert ('its mask is empty, but finding is mass' in made.get('error', '')) is refused


@pytest.fixture
def warn(entry, tmp_path):
    """The warnings about images: (patient, split, mask, annotated)."""

    def warn(*images, pixels='{}'):
        made, rows = [], []
        for number, (patient, split, mask, state) in enumerate(images, start=2):
            one = entry(number, f'{number}.png', mask, patient, split=split)
            (tmp_path / f'{number}.out').write_text(pixels.format(number))
            made.append(([one], {'annotated': state, 'image': f'{number}.out'}))
            row = Row('i', 'm', patient, '', '', split, '', '', '', state, 'weak', 'x', 1, 1)
            rows.append(replace(row, image=f'{number}'))
        return warnings_about(made, rows, tmp_path)

    return warn


@pytest.mark.parametrize(
    ('pair', 'shown'),
    [
        (('007', '7'), "'007' (train) and '7' (test)"),
        (('Z01', 'z01'), "'Z01' (train) and 'z01' (test)"),
        (('e\u0301', '\xe9'), r"'e\u0301' (train) and '\xe9' (test)"),
        (('P 1', 'P1'), "'P 1' (train) and 'P1' (test)"),
    ],
)
def test_patients_that_look_like_one_are_one_line(warn, pair, shown):
    images = [(pair[0], 'train', 'a', 'lesion'), (pair[1], 'test', 'b', 'lesion')]
    (line,) = warn(*images, ('other', 'test', '', 'normal'))[:1]
    assert line.startswith('WARNING: patients that differ by capitals, blanks, leading zeros')
    assert line.endswith(f': {shown}')
    assert '\n' not in line


def test_many_warnings_of_a_kind_are_still_one_line(warn):
    names = [f'{zero}{n}' for n in range(9) for zero in ('', '0')]
    (line,) = warn(*((name, 'test', name, 'lesion') for name in names))
    assert line.endswith(' and 4 more')


def test_one_mask_for_two_images_is_told_and_one_for_two_normal_ones_is_not(warn, tmp_path):
    (line,) = warn(('P1', 'test', 'm', 'lesion'), ('P1', 'test', 'm', 'lesion'))
    assert line == f'WARNING: one mask for several images: {tmp_path / "m"} for 2.png and 3.png'
    assert not any('one mask' in line for line in warn(*[('P1', 'test', 'm', 'normal')] * 2))


def test_masks_that_alone_say_normal_and_numbers_with_decimals_are_told(warn):
    lines = warn(('12.0', 'test', 'm', 'normal'), ('13.5', 'test', 'n', 'lesion'))
    assert [line.split(': ')[2] for line in lines] == ['12.0', '2.png']


def test_copies_of_a_picture_are_told(warn):
    images = [('P1', 'test', 'm', 'lesion'), ('P1', 'test', 'n', 'no')]
    assert warn(*images, pixels='same') == [
        'WARNING: one picture for several images: 2.png (lesion) and 3.png (no)'
    ]
    assert not warn(*images)


def test_of_many_images_of_one_picture_a_few_are_told(warn):
    images = [('P1', 'test', f'm{n}', 'no') for n in range(9)]
    (line,) = warn(*images, pixels='same')
    assert line.endswith('5.png (no) and 6.png (no) and 4 more')


def test_an_image_with_a_mask_and_a_lesion_that_nobody_outlined_is_refused(entry):
    one, other = entry(2, annotated='lesion'), entry(3, annotated='lesion', mask='')
    groups, problems = group_by_image([one, replace(other, mask_kind='image-label')])
    assert not groups
    assert 'has rows with and without a mask (image-label)' in str(problems[0])
    both = [replace(each, mask_kind='image-label') for each in (one, other)]
    assert group_by_image(both) == ([both], [])


@pytest.fixture
def round_of(entry, tmp_path):
    """A folder of annotate-next that names a.png, with a corrected mask, and says this of it."""

    def round_of(annotated='lesion', patient='P1', mask='masks/a.png'):
        entry(0)  # the image
        folder = tmp_path / 'next_1'
        (folder / 'masks').mkdir(parents=True, exist_ok=True)
        (folder / 'masks' / 'a.png').touch()
        (folder / ROUND).write_text(
            'image,mask,patient_id,laterality,view,split,annotated,for_test,why,key\n'
            f'../a.png,{mask},{patient},LEFT,CC,train,{annotated},no,,a\n'
        )
        return folder

    return round_of


def test_a_round_comes_in_the_place_of_rows_that_nobody_has_looked_at(entry, round_of):
    own = [entry(2, annotated='no', mask=''), entry(3, 'b.png', annotated='lesion')]
    folder = round_of()
    # Once, though it is named twice; its patient is none that a pattern finds in its paths.
    gaps = Gaps(patient_pattern='(..)')
    found, problems = add_rounds((own, []), [folder, folder / '..' / 'next_1'], gaps, [])
    assert not problems
    assert [each.place for each in found] == ['row 3', 'next_1, row 2']
    assert (found[1].patient_id, found[1].mask_kind) == ('P1', 'contour')
    unknown = add_rounds(([], []), [round_of(patient='')], gaps, [])[1]
    assert 'next_1, row 2: no patient' in str(unknown[0])


def test_an_image_that_is_annotated_in_the_table_and_in_a_round_is_refused(entry, round_of):
    with pytest.raises(
        DataIndexError, match=r'row 2: a\.png is annotated there, and in next_1, row 2'
    ):
        add_rounds(([entry(2, annotated='lesion')], []), [round_of()], Gaps(), [])


def test_a_folder_that_is_no_round_is_named(tmp_path):
    with pytest.raises(DataIndexError, match=r'--rounds .*: no annotate_next.csv in it'):
        add_rounds(([], []), [tmp_path], Gaps(), [])


def test_rows_without_a_split_among_others_are_told(entry):
    silent = [
        entry(2, default_split=True),
        entry(2, default_split=True),
        entry(3, default_split=True),
    ]
    assert note_splits(silent, 'test') == []
    assert note_splits([*silent, entry(4)], 'test') == [
        '2 rows name no split, others do; they count as test: row 2; row 3'
    ]

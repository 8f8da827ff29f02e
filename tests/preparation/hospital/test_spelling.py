import pytest

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.preparation.hospital.entry import COLUMNS
from mmseg_mammo.preparation.hospital.spelling import (
    check_word,
    parse_values,
    spell,
    translate,
    unused_words,
)


def test_cells_are_spelled_as_the_index_has_them():
    assert [spell('view', cell) for cell in ('mlo', ' CC', 'n/a')] == ['MLO', 'CC', '']
    assert spell('pathology', 'B+malignant') == 'benign+malignant'
    assert spell('mask_kind', 'Weak') == 'weak'
    assert spell('density', 'anything') == 'anything'


def test_another_word_is_refused_and_the_remedy_is_to_say_what_it_means():
    with pytest.raises(
        DataIndexError, match=r"annotated 'ja'\. Allowed: lesion, normal, no\."
    ) as e:
        spell('annotated', 'ja')
    assert '--value annotated THEIRS=OURS' in str(e.value)
    with pytest.raises(
        DataIndexError, match=r"mask_kind 'phantom'\. Allowed: contour, weak, image-label\."
    ):
        spell('mask_kind', 'phantom')


def test_words_of_the_user_are_translated_whatever_their_capitals_and_blanks():
    values = parse_values(
        [['annotated', 'ja=lesion', 'nee=normal', '?=no', '=no'], ['finding', '>= 1 massa=mass']],
        COLUMNS,
    )
    cells = ('Ja', 'NEE ', '?', '', 'lesion')
    told = [translate('annotated', cell, values) for cell in cells]
    assert told == ['lesion', 'normal', 'no', 'no', 'lesion']
    assert translate('finding', '>=  1 Massa', values) == 'mass'
    assert translate('finding', 'kalk+>= 1 massa', values) == 'kalk+mass'
    assert translate('view', 'ja', values) == 'ja'


def test_words_that_no_row_says_are_told():
    values = parse_values(
        [['finding', 'massa=mass', 'calk=calcification', '=mass'], ['view', 'boven=CC', 'top=CC']],
        COLUMNS,
    )
    cells = {'finding': {'Massa+kalk', 'cyste'}, 'view': {'cc', 'a+top'}}
    assert unused_words(values, cells) == [
        "--value finding: no row says 'calk'",
        "--value view: no row says 'boven' or 'top'",
    ]


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['anotated', 'ja=lesion'], r'--value anotated\. Allowed: image, mask'),
        (['annotated', 'ja=lesie'], r'ja=lesie\. Allowed: lesion, normal, no\.$'),
        (['annotated', 'ja'], r'--value annotated ja\. Allowed: THEIRS=OURS'),
        (['annotated'], r'--value annotated\. Allowed: --value annotated THEIRS=OURS …'),
        (['annotated', 'ja=lesion', 'JA=no'], r"'JA' means 'lesion' and 'no'"),
    ],
)
def test_words_that_cannot_be_are_refused(words, said):
    with pytest.raises(DataIndexError, match=said):
        parse_values([words], COLUMNS)


def test_an_option_is_named_where_its_word_is_none():
    check_word('view', 'mlo', '--set view=mlo')
    with pytest.raises(DataIndexError, match=r'^--set view=TOP\. Allowed: CC, MLO'):
        check_word('view', 'TOP', '--set view=TOP')

"""How errors for users read."""

import pytest

from mmseg_mammo.errors import MammoError


@pytest.mark.parametrize(
    ('parts', 'text'),
    [
        (('a', 'b', 'Do c'), 'a. Allowed: b. Do c.'),
        (('a.', '', 'Do c.'), 'a. Do c.'),
        (('a', 'b', 'Is it c?'), 'a. Allowed: b. Is it c?'),
        (
            ('a', 'b, c, …', 'Say --value ours=theirs …'),
            'a. Allowed: b, c, … Say --value ours=theirs …',
        ),
    ],
)
def test_each_part_is_a_sentence_with_one_mark_at_its_end(parts, text):
    assert str(MammoError(*parts)) == text

"""The page of a card: fields, what is told, what is unknown, and whose file is written over."""

import json

import pytest

from mmseg_mammo.errors import DataFileError, MammoError
from mmseg_mammo.reporting.cards.card import (
    UNKNOWN,
    Field,
    Group,
    read_facts,
    render_card,
    told_in,
    write_card,
)
from mmseg_mammo.reporting.document import Table

TABLE = Table('t', 'Counts', ('split', 'images'), (('train', 3),))
GROUPS = [
    Group(
        'Basic info', (Field('Model name', 'unet'), Field('Developer'), Field('Data', '', (TABLE,)))
    )
]


def told(tmp_path, facts):
    path = tmp_path / 'facts.json'
    path.write_text(json.dumps(facts))
    return read_facts(path, GROUPS)


def test_what_nobody_knows_is_called_unknown():
    page = render_card('A card', GROUPS, {})
    assert page.count(UNKNOWN) == 1
    assert f'### Developer\n\n{UNKNOWN}\n' in page
    assert '### Data\n\n**Counts**\n\n| split | images |' in page
    assert page.count('Not a medical device.') == 2


def test_what_is_told_stands_before_what_is_measured(tmp_path):
    facts = told(tmp_path, {'Developer': 'We', 'Model name': 'Ours'})
    page = render_card('A card', GROUPS, facts)
    assert '### Model name\n\nOurs\n\nunet\n' in page
    assert '### Developer\n\nWe\n' in page
    assert UNKNOWN not in page
    assert read_facts(None, GROUPS) == {}


@pytest.mark.parametrize(
    ('facts', 'message'),
    [
        ({'Devloper': 'We'}, "'Devloper' is no field of the card. Allowed: Model name, Developer"),
        ({'Developer': 3}, "'Developer' is 3. Allowed: a text"),
    ],
)
def test_facts_of_no_field_are_refused(facts, message, tmp_path):
    with pytest.raises(DataFileError, match=message):
        told(tmp_path, facts)


def test_only_a_card_is_written_over(tmp_path):
    path = tmp_path / 'card.md'
    for title in ('One', 'Two'):
        write_card(path, render_card(title, GROUPS, {}))
        assert f'# {title}\n' in path.read_text()
    path.write_text('# My own words\n')
    with pytest.raises(MammoError, match='was not written by this program'):
        write_card(path, render_card('Three', GROUPS, {}))
    assert path.read_text() == '# My own words\n'


@pytest.mark.parametrize(
    ('old', 'new'),
    [
        ('We\n', 'We, and others\n'),
        ('mmseg_mammo ', 'Ours, mmseg_mammo '),
        ('{"sha256"', 'sha256'),
        ('}} -->\n', '}} -->\nA last word\n'),
    ],
)
def test_a_card_that_somebody_changed_is_kept(old, new, tmp_path):
    path = tmp_path / 'card.md'
    write_card(path, render_card('One', GROUPS, {'Developer': 'We'}))
    path.write_text(path.read_text().replace(old, new))
    changed = path.read_text()
    for unasked in (True, False):
        with pytest.raises(MammoError, match=f'{path} .*changed by hand.* by --facts'):
            write_card(path, render_card('Two', GROUPS, {}), unasked)
    assert path.read_text() == changed


def test_a_card_of_an_earlier_version_is_written_over_only_by_who_asks(tmp_path):
    """It has no last line that tells whether somebody changed it."""
    path = tmp_path / 'card.md'
    old = render_card('One', GROUPS, {}).rpartition('<!-- end of the card')[0]
    path.write_text(old)
    with pytest.raises(MammoError, match='is of an earlier version, and may have been changed'):
        write_card(path, render_card('Two', GROUPS, {}), unasked=True)
    assert path.read_text() == old
    write_card(path, render_card('Two', GROUPS, {}))
    assert '# Two\n' in path.read_text()


def test_what_was_told_is_known_to_the_next_card(tmp_path):
    path = tmp_path / 'card.md'
    facts = {'Developer': 'We -- and "they" --> ä', 'Data': 'Lines\nof text'}
    assert told_in(path) == {}
    page = render_card('One', GROUPS, facts)
    assert page.count('-->') == 3  # two comments, and the text itself
    write_card(path, page)
    assert told_in(path) == facts
    write_card(path, render_card('Two', GROUPS, told_in(path)), unasked=True)
    assert told_in(path) == facts
    path.write_text('# My own words\n')
    assert told_in(path) == {}

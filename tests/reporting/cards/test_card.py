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

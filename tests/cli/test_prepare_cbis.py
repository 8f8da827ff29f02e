"""``prepare-cbis``: options of the command line become those of the preparation."""

from dataclasses import replace
from pathlib import Path

import pytest

from mmseg_mammo.cli.main import main
from mmseg_mammo.errors import MammoError
from mmseg_mammo.preparation.cbis_ddsm import prepare as cbis


@pytest.fixture
def calls(monkeypatch):
    """What the preparation is called with."""
    seen = []
    monkeypatch.setattr(cbis, 'prepare', lambda *arguments: seen.append(arguments))
    return seen


def test_without_options_the_defaults_hold(calls):
    main(['prepare-cbis', 'raw', 'out'])
    assert calls == [(Path('raw'), Path('out'), cbis.Options())]


def test_every_option_arrives(calls):
    words = (
        '--abnormality mass --merge-views --on-mismatch fail --leakage report --val-fraction 0.2'
    )
    more = '--seed 3 --long-side 0 --csv-dir tables --jobs 2'
    main(['prepare-cbis', 'raw', 'out', *words.split(), *more.split()])
    ((_, _, options),) = calls
    changed = dict(abnormality='mass', merge_views=True, on_mismatch='fail', leakage='report')
    changed |= dict(val_fraction=0.2, seed=3, long_side=0, csv_dir=Path('tables'), jobs=2)
    assert options == replace(cbis.Options(), **changed)


@pytest.mark.parametrize(
    ('error', 'code'),
    [(MammoError('no tables'), 'mammoseg prepare-cbis: no tables.'), (KeyboardInterrupt, 130)],
)
def test_what_stops_it_is_one_line(error, code, monkeypatch):
    def stop(*_):
        raise error

    monkeypatch.setattr(cbis, 'prepare', stop)
    with pytest.raises(SystemExit) as stopped:
        main(['prepare-cbis', 'raw', 'out'])
    assert stopped.value.code == code

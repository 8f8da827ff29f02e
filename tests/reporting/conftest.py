"""Reports of made runs; made once per session."""

import pytest
from runs import make_runs

from mmseg_mammo.reporting.document import Table
from mmseg_mammo.reporting.report import build
from mmseg_mammo.reporting.runs import find_runs


@pytest.fixture
def one(tmp_path):
    """The work folder of one model with a training and two tests."""
    make_runs(tmp_path / 'work_dirs', ['unet'], images=8)
    return tmp_path / 'work_dirs' / 'unet_cbis'


@pytest.fixture(scope='session')
def runs(made):
    return find_runs([made])


@pytest.fixture(scope='session')
def built(runs):
    """Sections, cases and notes of the report of ``runs``."""
    return build(runs)


@pytest.fixture(scope='session')
def sections(built):
    return {section.anchor: section for section in built[0]}


@pytest.fixture(scope='session')
def tables(sections):
    """Rows of every table as dicts, by its name."""
    return {
        item.name: [dict(zip(item.columns, row, strict=True)) for row in item.rows]
        for section in sections.values()
        for item in section.items
        if isinstance(item, Table)
    }

"""Fixtures of the pixel cache."""

import pytest


@pytest.fixture
def index(tmp_path):
    folder = tmp_path / 'data'
    folder.mkdir(mode=0o755)
    path = folder / 'index.csv'
    path.write_text('')
    return path

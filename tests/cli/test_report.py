"""``report``: names of models, and one line where there is nothing to report."""

from pathlib import Path

import pytest

from mmseg_mammo.cli import report
from mmseg_mammo.cli.main import main
from mmseg_mammo.cli.report import names_by_folder
from mmseg_mammo.errors import MammoError
from mmseg_mammo.reporting.report import TITLE


def test_the_title_of_the_parser_is_that_of_the_report():
    assert report.TITLE == TITLE


def test_a_name_follows_the_last_equals_sign():
    assert names_by_folder(['w/unet=U-Net', 'w/lr=1=first']) == {
        Path('w/unet'): 'U-Net',
        Path('w/lr=1'): 'first',
    }


def test_a_name_may_have_equals_signs_where_its_folder_tells_it_apart(tmp_path):
    for name in ('unet', 'lr=1'):
        (tmp_path / name).mkdir()
    assert names_by_folder([f'{tmp_path}/unet=lr=1', f'{tmp_path}/lr=1=lr=2']) == {
        tmp_path / 'unet': 'lr=1',
        tmp_path / 'lr=1': 'lr=2',
    }


@pytest.mark.parametrize('item', ['w/unet', '=U-Net', 'w/unet='])
def test_half_a_name_is_refused(item):
    with pytest.raises(MammoError, match=f'--name {item}. Allowed: RUN=NAME'):
        names_by_folder([item])


def test_folders_without_a_test_are_one_line(tmp_path):
    with pytest.raises(SystemExit, match=r'^mammoseg report: .*no finished test in or below'):
        main(['report', str(tmp_path), '--out', str(tmp_path / 'out')])
    assert not (tmp_path / 'out').exists()

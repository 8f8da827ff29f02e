import pytest
from runs import make_runs

from mmseg_mammo.reporting.runs import find_runs


@pytest.fixture(scope='session')
def made(tmp_path_factory):
    """Work folders of two models and a promptable one, on two data sets. Not to be changed."""
    models = ('unet', 'setr_pup_vpt', 'sam_finetune')
    return make_runs(tmp_path_factory.mktemp('runs'), models, sam=('sam_finetune',))


@pytest.fixture(scope='session')
def runs(made):
    return find_runs([made])

"""A training of two stages that several tests share."""

import pytest
from two_stages import train, write_stages

from mmseg_mammo.engine.config.load import read_config
from mmseg_mammo.engine.two_stage.stages import stage_config


@pytest.fixture(scope='session')
def trained(prepared, tmp_path_factory):
    """Config and work folder of a training of both stages. Not to be changed."""
    folder = tmp_path_factory.mktemp('two')
    config = write_stages(folder / 'configs', prepared)
    with pytest.MonkeyPatch.context() as monkeypatch:
        train(monkeypatch, config, folder / 'work')
    return config, folder / 'work'


@pytest.fixture
def parts(trained):
    """Configs of that training, to be changed: of both stages, and each stage's by its name."""
    config, work = trained
    cfg = read_config(config)
    cfg.work_dir, cfg.launcher = str(work), 'none'
    return cfg, {name: stage_config(cfg, name) for name in ('finder', 'refiner')}

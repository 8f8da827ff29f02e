"""--prompts in a config: who takes them, and what changes."""

import copy

import pytest
from mmengine.config import Config

import mmseg_mammo  # noqa: F401 - only registration
from mmseg_mammo.engine.config.load import read_config
from mmseg_mammo.engine.config.prompts import use_prompts
from mmseg_mammo.errors import MammoError


@pytest.fixture
def table(tmp_path):
    path = tmp_path / 'clicks.csv'
    path.write_text('image,object,x,y,label\na.png,1,3,4,1\n')
    return path


def test_the_test_alone_loads_prompts_before_it_packs(table, monkeypatch):
    cfg = read_config('sam_finetune_cbis')
    before = copy.deepcopy(cfg.val_dataloader.dataset.pipeline)
    monkeypatch.chdir(table.parent)
    use_prompts(cfg, 'clicks.csv', 'prepared')
    assert cfg.model.prompts_from == 'given'
    *_, loading, packing = cfg.test_dataloader.dataset.pipeline
    assert loading == {
        'type': 'LoadPrompts',
        'file': str(table),
        'coordinates': 'prepared',
        'required': False,
    }
    assert packing.type == 'PackMammogram'
    assert cfg.val_dataloader.dataset.pipeline == before
    use_prompts(cfg, table)  # takes the place of the other
    steps = cfg.test_dataloader.dataset.pipeline
    assert [s.coordinates for s in steps if s.type == 'LoadPrompts'] == ['original']


def test_a_model_without_prompts_a_missing_table_and_what_cannot_be_tested_are_refused(table):
    with pytest.raises(
        MammoError, match=r'--prompts .*EncoderDecoder takes no prompts.*SAMSegmentor'
    ):
        use_prompts(read_config('unet_cbis'), table)
    cfg = read_config('sam_finetune_cbis')
    with pytest.raises(MammoError, match=r'nowhere\.csv: No such file'):
        use_prompts(cfg, table.with_name('nowhere.csv'))
    assert cfg.model.prompts_from == 'truth'
    one = cfg.test_dataloader.dataset
    two = Config(dict(model=cfg.model, test_dataloader=dict(dataset=dict(datasets=[one, one]))))
    with pytest.raises(MammoError, match='tests on 2 data sets together'):
        use_prompts(two, table)
    one.pipeline = one.pipeline[:-1]
    with pytest.raises(MammoError, match=r'test_dataloader\.dataset\.pipeline packs the prompts'):
        use_prompts(cfg, table)

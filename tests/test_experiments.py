"""Every shipped experiment, shrunk: it trains, tests, and is tested on the other hospital."""

import numpy as np
import pytest
from experiments import CONFIGS, shrink, write_base
from mmengine.runner import Runner

from mmseg_mammo.engine.config.edits import use_dataset
from mmseg_mammo.io.shipped import shipped_configs

# There is nothing to train in SAM-ZS: tests/models/sam/test_segmentor.py tests it. Those of two stages
# are in tests/engine/two_stage/test_run.py; the configs of their stages are here.
SOURCES = [
    path.stem
    for name, path in shipped_configs().items()
    if name.endswith('_cbis') and not name.startswith('demo/') and name != 'sam_zeroshot_cbis'
    if '\nstages = ' not in path.read_text()
]
# One of each model and kind of tuning. tests/test_configs.py builds them all; the strong recipe is
# trained in tests/test_resuming.py.
QUICK = {'unet_cbis', 'setr_pup_vpt_cbis', 'setr_pup_lora_cbis', 'sam_finetune_cbis'}


@pytest.mark.parametrize(
    'name', [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in SOURCES]
)
def test_it_trains_and_its_checkpoints_test_on_both_hospitals(name, prepared, tmp_path):
    # LoRA's checkpoints are always without the frozen weights.
    base = write_base(tmp_path / 'base.pth', name, prepared) if 'lora' in name else None
    runner = Runner.from_cfg(shrink(name, prepared, tmp_path / 'train', pretrained=base))
    runner.train()
    history = runner.message_hub.log_scalars
    assert np.isfinite(history['train/loss'].data[0]).all()
    assert history['val/val_loss'].current() > 0
    twin = name.replace('_cbis', '_zgt')
    last, (best,) = 'epoch_3.pth', (tmp_path / 'train').glob('best_lesion_dice_epoch_*.pth')
    other = twin if (CONFIGS / f'{twin}.py').is_file() else name
    for config, checkpoint in ((name, last), (other, best.name)):
        cfg = shrink(config, prepared, tmp_path / checkpoint, pretrained=base)
        if config == name and checkpoint == best.name:  # as --dataset of a test does
            use_dataset(cfg, 'zgt', CONFIGS / '_base_' / 'datasets')
            cfg.test_dataloader.dataset.data_root = str(prepared)
        cfg.load_from = str(tmp_path / 'train' / checkpoint)
        assert Runner.from_cfg(cfg).test()['images'] == 2

"""Several processes train together."""

import pytest
import torch
from experiments import shrink

from mmseg_mammo.benchmark import processes
from mmseg_mammo.errors import MammoError


@pytest.mark.slow
def test_two_processes_give_the_images_of_both(prepared, tmp_path):
    cfg = shrink('unet_cbis', prepared, tmp_path)
    if 0 < torch.cuda.device_count() < 2:
        pytest.skip('one GPU')
    found = processes.measure_processes(cfg, 2, images=1, warmup=1, steps=2)
    assert found['images_per_second'] == pytest.approx(2 / found['seconds'])


def test_more_processes_than_gpus_are_refused(prepared, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 1)
    cfg = shrink('unet_cbis', prepared, tmp_path)
    with pytest.raises(MammoError, match='--processes 2: 1 GPUs here'):
        processes.measure_processes(cfg, 2, images=1, warmup=1, steps=1)

"""Trainings on the device that is there: mixed precision, deterministic, and the same as on a CPU.

The same tests run on a CPU where there is no GPU, so that they work the first time that there is one.
"""

import pytest
import torch
from experiments import shrink, train
from mmseg.registry import MODELS

from mmseg_mammo.benchmark.batch import synthetic_batch
from mmseg_mammo.engine.config.edits import use_mixed_precision

GPU = torch.cuda.is_available()
NAMES = ('unet_cbis', 'setr_pup_vpt_cbis', 'sam_finetune_cbis')
pytestmark = pytest.mark.gpu if GPU else []


@pytest.fixture
def device():
    return torch.device('cuda' if GPU else 'cpu')


@pytest.mark.gpu
@pytest.mark.skipif(not GPU, reason='no GPU')
def test_a_gpu_is_used(prepared, tmp_path):
    runner = train(shrink(NAMES[0], prepared, tmp_path, epochs=1))
    assert {p.device.type for p in runner.model.parameters()} == {'cuda'}


@pytest.mark.parametrize('name', NAMES)
def test_mixed_precision_trains(name, prepared, tmp_path, device):
    cfg = shrink(name, prepared, tmp_path, epochs=1)
    use_mixed_precision(cfg)
    before = MODELS.build(cfg.model).state_dict()
    runner = train(cfg)
    after = runner.model.state_dict()
    assert all(torch.isfinite(value).all() for value in after.values())
    assert {value.device.type for value in after.values()} == {device.type}
    assert any(not torch.equal(value.cpu(), before[key]) for key, value in after.items())


@pytest.mark.parametrize('name', NAMES)
def test_deterministic_trainings_are_equal(name, prepared, tmp_path, monkeypatch):
    monkeypatch.setenv('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
    found = []
    try:
        for turn in 'ab':
            cfg = shrink(name, prepared, tmp_path / turn, epochs=1)
            cfg.randomness = dict(seed=0, deterministic=True)
            found.append(train(cfg).model.state_dict())
    finally:
        torch.use_deterministic_algorithms(False)
        torch.backends.cudnn.deterministic = False
    assert all(torch.equal(value, found[1][key]) for key, value in found[0].items())


@pytest.mark.parametrize('name', NAMES)
def test_a_loss_is_that_of_the_cpu(name, prepared, tmp_path, device):
    losses = []
    for place in (torch.device('cpu'), device):
        torch.manual_seed(0)
        model = MODELS.build(shrink(name, prepared, tmp_path).model).eval().to(place)
        batch = synthetic_batch(2, 32, 32)
        batch = {key: [item.to(place) for item in items] for key, items in batch.items()}
        data = model.data_preprocessor(batch, training=True)
        torch.manual_seed(0)
        found = model(**data, mode='loss')
        losses.append(sum(float(v) for key, v in found.items() if 'loss' in key))
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)

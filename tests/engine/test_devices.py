"""Which device a run uses; a device that is not there is refused by name."""

import pytest
import torch
from mmengine.device import get_device
from mmengine.device import utils as host_devices

from mmseg_mammo.engine import devices
from mmseg_mammo.errors import MammoError


@pytest.fixture(autouse=True)
def put_back(monkeypatch):
    monkeypatch.setattr(host_devices, 'DEVICE', host_devices.DEVICE)
    monkeypatch.setattr(devices, '_gpus_hidden', False)


@pytest.fixture
def gpus(monkeypatch):
    """As many GPUs as asked for; the one in use is written down."""

    def pretend(count):
        monkeypatch.setattr(torch.cuda, 'is_available', lambda: count > 0)
        monkeypatch.setattr(torch.cuda, 'device_count', lambda: count)

    monkeypatch.setattr(torch.cuda, 'set_device', lambda device: setattr(pretend, 'used', device))
    return pretend


@pytest.mark.parametrize('name', ['cuda', 'cuda:0', 'cuda:1'])
def test_without_a_gpu_one_is_refused(name, gpus):
    gpus(0)
    for ask in (devices.use_device, devices.check_device):
        with pytest.raises(MammoError, match=f'{name}: torch finds no GPU here'):
            ask(name)


def test_a_gpu_too_many_is_refused(gpus):
    gpus(2)
    assert devices.check_device('cuda:1') == torch.device('cuda', 1)
    with pytest.raises(
        MammoError, match=r'cuda:2: torch finds 2 GPUs here\. Allowed: cuda:0 to cuda:1'
    ):
        devices.check_device('cuda:2')


@pytest.mark.parametrize('name', ['gpu', 'cuda:x', 'cuda:-1', '1', '', 0])
def test_other_names_are_no_devices(name, gpus):
    gpus(2)
    with pytest.raises(MammoError, match=r'no such device. Allowed: cpu, cuda, cuda:1'):
        devices.use_device(name)


def test_the_runner_is_told(gpus):
    gpus(2)
    devices.use_device(None)
    assert devices.on_gpu()
    devices.use_device('cpu')
    assert (get_device(), devices.on_gpu()) == ('cpu', False)
    devices.use_device('cuda:1')
    assert (get_device(), devices.on_gpu(), gpus.used.index) == ('cuda', True, 1)


def test_each_of_several_processes_has_a_gpu_of_its_own(gpus):
    gpus(2)
    devices.use_device('cuda', 'pytorch')
    with pytest.raises(MammoError, match='each process takes a GPU of its own'):
        devices.use_device('cuda:1', 'pytorch')


def test_a_device_for_a_model_alone(gpus):
    gpus(0)
    assert devices.choose_device('auto') == devices.choose_device('cpu') == 'cpu'
    gpus(2)
    assert devices.choose_device('auto') == 'cuda'
    assert devices.choose_device('cuda:1') == 'cuda:1'
    for name in ('xpu', 'mps', 'meta', 'CUDA', 'cuda:-1', ''):
        with pytest.raises(MammoError, match=r'no such device. Allowed: auto, cpu, cuda, cuda:1'):
            devices.choose_device(name)

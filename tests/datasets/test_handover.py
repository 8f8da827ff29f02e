import copy
import io
import pickle

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import FUNCTIONS
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch.utils.data import DataLoader

from mmseg_mammo.datasets import handover
from mmseg_mammo.datasets.handover import packed_collate


def sample(number, side=5, dtype=torch.uint8):
    """What a pipeline gives of an image."""
    generator = torch.Generator().manual_seed(number)
    truth = torch.randint(0, 2, (1, side, 3), generator=generator, dtype=torch.uint8)
    found = SegDataSample(
        metainfo={'img_path': f'{number}.png', 'scale': np.float64(number), 'img_shape': (side, 3)}
    )
    found.gt_sem_seg = PixelData(data=truth)
    image = torch.randint(0, 256, (1, side, 3), generator=generator).to(dtype)
    return {'inputs': image, 'data_samples': found}


def batches(samples, **settings):
    return list(DataLoader(samples, batch_size=3, num_workers=2, **settings))


def content(item):
    """All that a batch is, in a form that can be compared."""
    if isinstance(item, torch.Tensor):
        plain = item.to_dense() if item.layout is not torch.strided else item
        return type(item), item.dtype, item.shape, item.stride(), plain.tolist()
    if isinstance(item, (SegDataSample, PixelData)):
        return type(item), content(vars(item))
    if isinstance(item, dict):
        return type(item), {key: content(value) for key, value in item.items()}
    if isinstance(item, (list, tuple)):
        return type(item), [content(value) for value in item]
    return type(item), item


def files_of(batch):
    """The tensors that torch would put into files of their own."""
    found = []

    class Pickler(pickle.Pickler):
        def persistent_id(self, item):
            if isinstance(item, torch.Tensor):
                found.append(item)
                return 0
            return None

    Pickler(io.BytesIO()).dump(batch)
    return found


@pytest.fixture
def in_worker(monkeypatch):
    monkeypatch.setattr(handover, 'get_worker_info', lambda: object())


@pytest.mark.parametrize(
    'samples',
    [
        [sample(number) for number in range(7)],
        [sample(number, side=4 + number) for number in range(7)],
        [sample(number, dtype=torch.float32) for number in range(7)],
        [sample(number, dtype=torch.bfloat16) for number in range(7)],
    ],
    ids=['one shape', 'shapes', 'float', 'bfloat16'],
)
def test_two_workers_hand_over_the_batches_of_pseudo_collate(samples):
    found = batches(samples, collate_fn=FUNCTIONS.get('packed_collate'))
    assert content(found) == content(batches(samples, collate_fn=pseudo_collate))


def test_a_batch_has_one_memory_whatever_the_shapes(in_worker):
    samples = [sample(number, side=4 + number) for number in range(3)]
    assert len(files_of(pseudo_collate(samples))) == 6
    assert len(files_of(packed_collate(samples))) == 1


def test_tensors_that_are_more_than_their_bytes_go_as_they_are(in_worker):
    odd = [
        torch.zeros(0, 3),
        torch.zeros(2, 1).expand(2, 3),
        torch.eye(3).to_sparse(),
        torch.nn.Parameter(torch.ones(2)),
        torch.tensor(1 + 2j).conj(),
        torch.tensor([1 + 2j]).conj().imag,
        torch.tensor(4.5),
    ]
    parcel = packed_collate([{'odd': odd}])
    arrived = pickle.loads(pickle.dumps(parcel))

    assert content(arrived) == content(pseudo_collate([{'odd': odd}]))
    assert [tensor is parcel.memory for tensor in files_of(parcel)].count(False) == 6


def test_a_tensor_that_is_named_twice_arrives_once(in_worker):
    one = sample(0)
    one['again'] = one['inputs']
    arrived = pickle.loads(pickle.dumps(packed_collate([one])))
    assert arrived['again'][0] is arrived['inputs'][0]


def test_a_tensor_that_arrived_can_be_changed_copied_and_kept_alone(in_worker):
    samples = [sample(number) for number in range(3)]
    inputs = pickle.loads(pickle.dumps(packed_collate(samples)))['inputs']
    inputs[0].fill_(7)

    assert torch.equal(inputs[1], samples[1]['inputs'])
    assert inputs[1]._version == 0
    assert copy.deepcopy(inputs[1]).untyped_storage().nbytes() == 15
    assert not any(tensor.data_ptr() % 64 for tensor in inputs)


def test_without_loading_processes_nothing_is_packed():
    samples = [sample(number) for number in range(3)]
    found = packed_collate(samples)
    assert found['inputs'][0] is samples[0]['inputs']


def test_samples_without_tensors(in_worker):
    assert pickle.loads(pickle.dumps(packed_collate([{'a': 'b'}]))) == {'a': ['b']}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
def test_what_arrives_is_pinned_as_from_pseudo_collate():
    samples = [sample(number) for number in range(7)]
    found = batches(samples, collate_fn=packed_collate, pin_memory=True)
    assert all(image.is_pinned() for batch in found for image in batch['inputs'])
    assert content(found) == content(batches(samples, collate_fn=pseudo_collate, pin_memory=True))

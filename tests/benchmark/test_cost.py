"""Operations are counted as by hand; memory is seen, and only that of the step."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmseg_mammo.benchmark import cost
from mmseg_mammo.benchmark.cost import count_flops, matrix_rate, peak_memory

MIB = 2**20
CPU = torch.device('cpu')


def test_a_linear_layer_costs_two_operations_per_weight_and_row_three_times_with_gradients():
    layer = nn.Linear(7, 5)
    rows = torch.ones(3, 7)
    assert count_flops(lambda: layer(rows)) == (2 * 3 * 7 * 5, [])
    # The gradient of the weights is one more product, that of the input another.
    assert count_flops(lambda: layer(rows).sum().backward()) == (2 * 2 * 3 * 7 * 5, [])
    rows.requires_grad_()
    assert count_flops(lambda: layer(rows).sum().backward()) == (3 * 2 * 3 * 7 * 5, [])


def test_fused_attention_on_a_cpu_counts_as_its_two_products_and_five_going_back():
    query = torch.ones(2, 4, 9, 8, requires_grad=True)
    product = 2 * 2 * 4 * 9 * 9 * 8
    found = count_flops(lambda: F.scaled_dot_product_attention(query, query, query))
    assert found == (2 * product, [])
    found = count_flops(
        lambda: F.scaled_dot_product_attention(query, query, query).sum().backward()
    )
    assert found == (7 * product, [])


def test_a_product_that_is_not_counted_is_named():
    batches = torch.ones(2, 3, 3)
    flops, uncounted = count_flops(lambda: torch.addbmm(batches[0], batches, batches))
    assert (flops, uncounted) == (0, ['aten.addbmm'])


def test_memory_that_a_step_takes_and_gives_back_is_seen():
    if peak_memory(lambda: None, CPU) is None:
        pytest.skip('this system cannot reset the peak of a process')
    found = peak_memory(lambda: torch.ones(48 * MIB // 4).add_(1), CPU)
    assert found == pytest.approx(48 * MIB, rel=0.05)


def test_neither_a_higher_peak_before_nor_what_is_held_counts():
    if peak_memory(lambda: None, CPU) is None:
        pytest.skip('this system cannot reset the peak of a process')
    held = torch.ones(32 * MIB // 4)
    torch.ones(96 * MIB // 4)
    small = [torch.ones(1000) for _ in range(10000)]  # 40 MB in pieces, which malloc keeps
    del small
    found = peak_memory(lambda: [torch.ones(1000) for _ in range(5000)], CPU)
    assert found == pytest.approx(5000 * 4000, rel=0.25)
    assert peak_memory(lambda: held.add_(1), CPU) < MIB


def test_where_the_peak_cannot_be_reset_memory_is_unknown(monkeypatch, tmp_path):
    monkeypatch.setattr(cost, '_PROC', tmp_path / 'absent')
    ran = []
    assert peak_memory(lambda: ran.append(1), CPU) is None
    assert ran == [1]


def test_the_rate_of_matrix_products_is_measured_in_both_precisions():
    assert matrix_rate(0.01).keys() == {'bfloat16', 'float32'}
    assert min(matrix_rate(0.01).values()) > 1e6

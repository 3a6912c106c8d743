"""Modules made of modules."""

from __future__ import annotations

import tensorgrad as tg
from tensorgrad import nn


def test_a_sequential_is_a_list_of_modules() -> None:
    first, second = nn.Linear(1, 2), nn.ReLU()
    net = nn.Sequential(first, second)
    assert (len(net), net[0], net[-1], list(net)) == (2, first, second, [first, second])
    third = nn.Linear(2, 1)
    assert net.append(third) is net
    assert [n for n, _ in net.named_parameters()] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    named = nn.Sequential({"hidden": first, "out": third})
    assert [n for n, _ in named.named_children()] == ["hidden", "out"]
    assert named(tg.ones(5, 1)).shape == (5, 1)

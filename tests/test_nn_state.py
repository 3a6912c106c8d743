"""The state of a module: keys, copies, what does not fit."""

from __future__ import annotations

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tests.nets import STATE, Net


def test_a_state_goes_round_bit_for_bit() -> None:
    net, other = Net(), Net()
    net(tg.randn(5, 3))
    memory = {k: v.numpy() for k, v in other.state_dict().items()}
    result = other.load_state_dict(net.state_dict())
    assert (result.missing_keys, result.unexpected_keys) == ([], [])
    for k, v in net.state_dict().items():
        np.testing.assert_array_equal(other.state_dict()[k].numpy(), v.numpy())
        assert np.shares_memory(other.state_dict()[k].numpy(), memory[k])
        assert not np.shares_memory(v.numpy(), memory[k])
    x = tg.randn(5, 3)
    np.testing.assert_array_equal(net.eval()(x).detach().numpy(), other.eval()(x).detach().numpy())
    assert all(p.requires_grad and p.is_leaf for p in other.parameters())


@pytest.mark.parametrize("strict", [True, False])
def test_a_state_that_does_not_fit_is_refused_in_full_and_writes_nothing(strict: bool) -> None:
    net = Net()
    before = {k: v.numpy().copy() for k, v in net.state_dict().items()}
    state = dict(Net().state_dict())
    del state["fc1.bias"], state["inner.1.1.weight"]
    state |= {"extra": tg.zeros(1), "more.weight": tg.zeros(1), "fc1.weight": tg.zeros(4, 4), "scale": tg.zeros(2)}
    with pytest.raises(RuntimeError, match=r"Error\(s\) in loading state_dict for Net") as caught:
        net.load_state_dict(state, strict=strict)
    text = str(caught.value)
    for key, shapes in (("fc1.weight", ("[4, 4]", "[4, 3]")), ("scale", ("[2]", "[1]"))):
        assert f"size mismatch for {key}" in text
        assert all(shape in text for shape in shapes)
    for word in (
        "Missing key(s) in state_dict",
        "fc1.bias",
        "inner.1.1.weight",
        "Unexpected key(s)",
        "extra",
        "more.weight",
    ):
        assert (word in text) == strict
    for k, v in net.state_dict().items():
        np.testing.assert_array_equal(v.numpy(), before[k])


def test_without_strict_what_fits_is_loaded_and_the_rest_reported() -> None:
    net = Net()
    result = net.load_state_dict({"scale": np.full(1, 7.0), "extra": tg.zeros(1)}, strict=False)
    assert net.scale.item() == 7.0
    assert result.unexpected_keys == ["extra"]
    assert result.missing_keys == [k for k in STATE if k != "scale"]


def test_loading_while_a_graph_needs_the_old_values_is_noticed() -> None:
    net = nn.Linear(2, 2)
    x = tg.ones(3, 2, requires_grad=True)
    loss = net(x).sum()
    net.load_state_dict(nn.Linear(2, 2).state_dict())
    with pytest.raises(RuntimeError, match="inplace"):
        loss.backward()

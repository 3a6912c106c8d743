"""The state of a module: keys, copies, what does not fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tests.nets import STATE, Net
from tests.peer import close, torch_


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
    older = {"bn1.num_batches_tracked"}  # which states of an older PyTorch do not hold either
    assert result.missing_keys == [k for k in STATE if k != "scale" and k not in older]


def test_loading_while_a_graph_needs_the_old_values_is_noticed() -> None:
    net = nn.Linear(2, 2)
    x = tg.ones(3, 2, requires_grad=True)
    loss = net(x).sum()
    net.load_state_dict(nn.Linear(2, 2).state_dict())
    with pytest.raises(RuntimeError, match="inplace"):
        loss.backward()


def test_a_state_takes_the_place_of_the_tensors_where_that_is_asked_for() -> None:
    net, source = Net(), Net().double()
    net.fc1.weight.requires_grad = False
    state = source.state_dict()
    assert net.load_state_dict(state, assign=True) == ([], [])
    assert net.fc1.weight.dtype == tg.float64
    assert np.shares_memory(net.fc1.weight.detach().numpy(), source.fc1.weight.detach().numpy())
    assert isinstance(net.fc1.weight, nn.Parameter)
    assert [p.requires_grad for p in net.parameters()] == [p is not net.fc1.weight for p in net.parameters()]
    assert list(net.state_dict()) == STATE
    own = dict(net.named_parameters())
    net.load_state_dict(Net().state_dict())
    assert all(p is own[name] and p.dtype == tg.float64 for name, p in net.named_parameters())


class Counting(nn.Linear):
    def __init__(self) -> None:
        super().__init__(1, 1)
        self.steps = 0

    def get_extra_state(self) -> Any:
        return {"steps": self.steps}

    def set_extra_state(self, state: Any) -> None:
        self.steps = state["steps"]


def test_extra_state_goes_with_the_rest() -> None:
    net, other = nn.Sequential(Counting()), nn.Sequential(Counting())
    net[0].steps = 7
    state = net.state_dict()
    assert list(state) == ["0.weight", "0.bias", "0._extra_state"]
    other.load_state_dict(state)
    assert other[0].steps == 7
    del state["0._extra_state"]
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "0._extra_state"'):
        other.load_state_dict(state)
    with pytest.raises(RuntimeError, match=r'Unexpected key\(s\) in state_dict: "0._extra_state"'):
        nn.Sequential(nn.Linear(1, 1)).load_state_dict(net.state_dict())


def test_state_hooks_see_every_module_and_may_change_the_dictionary() -> None:
    net, seen = nn.Sequential(nn.Linear(1, 1)), []
    with (
        net[0].register_state_dict_pre_hook(lambda module, prefix, keep_vars: seen.append((prefix, keep_vars))),
        net[0].register_state_dict_post_hook(lambda module, state, prefix, _: state.update({prefix + "mark": 1})),
    ):
        assert list(net.state_dict()) == ["0.weight", "0.bias", "0.mark"]
    assert seen == [("0.", False)]
    assert list(net.state_dict()) == ["0.weight", "0.bias"]


def test_a_hook_before_loading_may_rename_keys_and_the_dictionary_given_stays() -> None:
    layer = nn.Linear(1, 1, bias=False)
    old = {"kernel": tg.full((1, 1), 5.0)}

    def rename(module: Any, state: Any, prefix: str, *rest: Any) -> None:
        state[prefix + "weight"] = state.pop(prefix + "kernel")

    handle = layer.register_load_state_dict_pre_hook(rename)
    layer.load_state_dict(old)
    assert layer.weight.item() == 5.0
    assert list(old) == ["kernel"]
    handle.remove()
    with pytest.raises(RuntimeError, match="Unexpected key"):
        layer.load_state_dict(old)


def test_a_hook_after_loading_sees_the_values_and_may_pardon_keys() -> None:
    layer = nn.Linear(1, 1)
    nn.init.zeros_(layer.bias)

    def pardon(module: Any, keys: Any) -> None:
        assert module.weight.item() == 5.0
        keys.missing_keys.remove("bias")

    with layer.register_load_state_dict_post_hook(pardon):
        assert layer.load_state_dict({"weight": tg.full((1, 1), 5.0)}) == ([], [])
    with pytest.raises(RuntimeError, match=r'Missing key.*"bias"'):
        layer.load_state_dict({"weight": tg.full((1, 1), 5.0)})


def test_the_state_can_be_part_of_a_larger_dictionary() -> None:
    known: dict[str, Any] = {"epoch": 3}
    net = nn.Linear(1, 1)
    assert net.state_dict(destination=known, prefix="model.") is known
    assert list(known) == ["epoch", "model.weight", "model.bias"]
    assert net.state_dict(keep_vars=True)["weight"] is net.weight


def test_what_load_reports_is_read_as_text() -> None:
    assert repr(Net().load_state_dict(Net().state_dict())) == "<All keys matched successfully>"
    assert "missing_keys=['weight']" in repr(nn.Linear(1, 1, bias=False).load_state_dict({}, strict=False))


def test_a_state_of_pytorch_is_loaded_as_it_is() -> None:
    torch = torch_()
    ours, theirs = (
        nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)),
        torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)),
    )
    assert ours.load_state_dict(theirs.state_dict()) == ([], [])
    for name, value in theirs.state_dict().items():
        np.testing.assert_array_equal(ours.state_dict()[name].numpy(), value.numpy())
    assert ours.load_state_dict(theirs.state_dict(), assign=True) == ([], [])
    close(ours.eval()(tg.ones(2, 3)), theirs.eval()(torch.ones(2, 3)), 1e-5)

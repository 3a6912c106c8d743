"""Deep copies and pickles of tensors, modules and optimisers: what is shared, what is kept, what is refused."""

from __future__ import annotations

import copy
import io
import multiprocessing
import pickle
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, optim
from tensorgrad.engine.tensor import wrap
from tensorgrad.errors import AutogradError, InPlaceError
from tests.peer import torch_

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


class Marked(tg.Tensor):
    """A tensor with attributes of its own, one in a slot under a private name."""

    __slots__ = ("__dict__", "__mark")

    def mark(self, text: str) -> Marked:
        self.__mark = text
        return self

    def marked(self) -> str:
        return self.__mark


class Net(nn.Module):
    """Weights that are tied, a buffer, and a function of a module that can be found."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(3, 3, bias=False), nn.Linear(3, 3)
        self.outer.weight = self.inner.weight
        self.activation = tg.tanh
        self.register_buffer("scale", tg.ones(3), persistent=False)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.outer(self.activation(self.inner(x))) * self.scale


# --- deep copies ------------------------------------------------------------------------------------------------------


VIEWS: dict[str, Any] = {
    "part": lambda x: x[1:3],
    "transposed": lambda x: x.T,
    "strided": lambda x: x[::2, 1:],
    "flat": lambda x: x.view(-1),
    "scalar": lambda x: x[1, 1],
    "itself": lambda x: x.detach(),
    "empty": lambda x: x[:, :0],
    "expanded": lambda x: x[:1].expand(3, 3),
}


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("name", VIEWS)
def test_a_deep_copy_shares_what_the_original_shares(name: str, first: bool) -> None:
    x = tg.arange(9.0).view(3, 3)
    view = VIEWS[name](x)
    twins = copy.deepcopy([x, view] if first else [view, x])
    whole, part = twins if first else reversed(twins)
    assert part.tolist() == view.tolist()
    assert part.array.flags.writeable == view.array.flags.writeable
    whole.add_(10)
    assert part.tolist() == (view + 10).tolist()
    assert x.tolist() == tg.arange(9.0).view(3, 3).tolist()
    if part.array.flags.writeable:
        part.mul_(0)
        assert whole.sum() == VIEWS[name](x + 10).mul(-1).sum() + (x + 10).sum()


def test_views_alone_share_what_none_of_them_is_all_of() -> None:
    x = tg.zeros(6)
    left, right = copy.deepcopy((x[:4], x[2:]))
    left.fill_(1)
    assert right.tolist() == [1, 1, 0, 0]
    x = tg.from_numpy(np.asfortranarray(np.arange(6.0).reshape(2, 3)))
    left, right = copy.deepcopy((x[:, 1:], x[1:]))
    left.fill_(7)
    assert right.tolist() == [[3, 7, 7]]


def test_memory_with_gaps_and_memory_that_cannot_be_written_are_copied_too() -> None:
    gaps = np.ndarray((2, 2), np.float64, np.arange(9.0).data, 0, (40, 16))
    x = tg.from_numpy(gaps)
    whole, part = copy.deepcopy((x, x[1]))
    assert whole.tolist() == gaps.tolist()
    whole[1] = 5
    assert part.tolist() == [5, 5]
    fixed = np.arange(3.0)
    fixed.flags.writeable = False
    x = wrap(np.broadcast_to(fixed, (2, 3)))
    twin = copy.deepcopy(x)
    twin += 1
    assert twin.tolist() == (x + 1).tolist()


def test_what_shares_memory_in_a_copy_is_seen_to_share_it() -> None:
    x = tg.ones(3)
    one, other = copy.deepcopy((x, x.detach()))
    one.requires_grad_()
    loss = (one * one).sum()
    other.mul_(2)
    with pytest.raises(InPlaceError):
        loss.backward()


def test_an_array_outside_is_copied_for_itself() -> None:
    array = np.zeros(2)
    outside, x = copy.deepcopy((array, tg.from_numpy(array)))
    outside[0] = 1
    assert x.tolist() == [0, 0]


def test_a_deep_copy_of_a_parameter_has_no_gradient_as_in_pytorch() -> None:
    def slopes(lib: Any) -> list[Any]:
        layer, x = lib.nn.Linear(1, 1), lib.ones(1, 1, requires_grad=True)
        layer(x).backward()
        layer.register_buffer("kept", x)
        twin, alone = copy.deepcopy(layer), copy.deepcopy(layer.weight)
        found = [twin.weight.grad, twin.bias.grad, alone.grad, type(alone).__name__, alone.requires_grad]
        assert lib.equal(twin.kept.grad, x.grad)
        assert twin.kept.grad is not x.grad
        twin(x).backward()
        return [*found, twin.weight.grad.tolist(), layer.weight.grad.tolist()]

    assert slopes(tg) == [None, None, None, "Parameter", True, [[1.0]], [[1.0]]] == slopes(torch_())


def test_a_deep_copy_keeps_gradients_that_are_shared_names_and_the_attributes_of_a_class() -> None:
    x = Marked([1.0, 2.0], requires_grad=True).mark("here")
    x.more, x.name = [3], "x"
    (x * x).sum().backward()
    twin, grad = copy.deepcopy((x, x.grad))
    assert twin.grad is grad
    assert (twin.tolist(), grad.tolist(), twin.name, twin.marked(), twin.more) == ([1, 2], [2, 4], "x", "here", [3])
    assert twin.more is not x.more
    with pytest.raises(AutogradError, match="graph leaves"):
        copy.deepcopy(x * 2)


def test_a_deep_copy_of_modules_keeps_weights_tied_by_name_and_by_memory() -> None:
    net = Net()
    net.inner.twin = nn.Parameter(net.inner.weight.detach())
    other, state = copy.deepcopy((net, net.state_dict()))
    assert other.outer.weight is other.inner.weight
    with tg.no_grad():
        other.inner.weight.zero_()
    assert not other.inner.twin.any()
    assert not state["outer.weight"].any()
    assert net.inner.twin.any()


# --- pickles ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_pickle_keeps_dtype_class_name_and_whether_a_gradient_is_required(protocol: int) -> None:
    marked = Marked([1.0]).mark("here")
    marked.more = "more"
    xs = [
        tg.tensor([1.0, 2.0], requires_grad=True), tg.tensor([[3]]), tg.tensor(True), tg.tensor(1j), tg.zeros(0, 2),
        tg.arange(6.0).view(2, 3).T, nn.Parameter(tg.ones(2), requires_grad=False), tg.ones(1).expand(3), marked,
        nn.Buffer(tg.ones(1), persistent=False), tg.ones(2).half(),
    ]  # fmt: skip
    xs[0].name = "first"
    found = pickle.loads(pickle.dumps(xs, protocol))
    for x, y in zip(xs, found, strict=True):
        assert (type(y), y.dtype, y.shape, y.requires_grad, y.name) == (
            type(x),
            x.dtype,
            x.shape,
            x.requires_grad,
            x.name,
        )
        assert y.tolist() == x.tolist()
        assert y.array.flags.writeable
    assert (found[-3].marked(), found[-3].more, found[-2].persistent) == ("here", "more", False)
    x = found[0]
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3, 3]


def test_a_pickled_tensor_stays_one_and_shares_no_memory_with_others() -> None:
    x = tg.zeros(2)
    a, b, c = pickle.loads(pickle.dumps([x, x, x[:1]]))
    a += 1
    assert a is b
    assert c.tolist() == [0]


def test_a_pickle_out_of_band_comes_back_on_memory_that_can_be_written() -> None:
    buffers: list[Any] = []
    content = pickle.dumps(tg.ones(3), 5, buffer_callback=buffers.append)
    x = pickle.loads(content, buffers=[bytes(b) for b in buffers])
    x += 1
    assert x.tolist() == [2, 2, 2]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_tensor_with_a_history_is_not_pickled(protocol: int) -> None:
    x = tg.ones(2, requires_grad=True)
    with pytest.raises(AutogradError, match=r"non-leaf tensor which requires_grad.*x\.detach\(\)"):
        pickle.dumps({"loss": x * 2}, protocol)
    assert pickle.loads(pickle.dumps((x * 2).detach(), protocol)).tolist() == [2, 2]


def test_modules_are_pickled_with_what_they_hold() -> None:
    net = Net().eval()
    twin = pickle.loads(pickle.dumps(net))
    x = tg.randn(4, 3)
    assert tg.equal(twin(x), net(x))
    assert twin.outer.weight is twin.inner.weight
    assert type(twin.outer.weight) is nn.Parameter
    assert (twin.training, list(twin.state_dict())) == (False, list(net.state_dict()))
    assert twin.path_of(twin.outer) == "outer"
    net.hook = lambda: None
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(net)


def test_a_lazy_module_is_pickled_before_it_has_shapes() -> None:
    layer = pickle.loads(pickle.dumps(nn.LazyLinear(2)))
    assert layer(tg.ones(4, 3)).shape == (4, 2)
    assert layer.in_features == 3


def test_a_model_and_its_optimiser_are_pickled_together_and_go_on_as_one() -> None:
    net = nn.Linear(2, 1)
    optimizer = optim.Adam(net.parameters(), lr=0.1)

    def step(net: Any, optimizer: Any) -> list[float]:
        optimizer.zero_grad()
        net(tg.ones(3, 2)).sum().backward()
        optimizer.step()
        return net.weight.flatten().tolist()

    step(net, optimizer)
    twin, other = pickle.loads(pickle.dumps((net, optimizer)))
    assert step(twin, other) == step(net, optimizer)
    assert step(twin, other) == step(net, optimizer)


def test_a_tensor_passes_through_a_pipe() -> None:
    one, other = multiprocessing.Pipe()
    one.send([tg.arange(3), nn.Linear(2, 2)])
    x, layer = other.recv()
    assert (x.tolist(), layer(tg.ones(1, 2)).shape) == ([0, 1, 2], (1, 2))
    file = io.BytesIO()
    pickle.dump(x, file)
    assert pickle.loads(file.getvalue()).tolist() == [0, 1, 2]

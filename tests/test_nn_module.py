"""Module: registration under names, modes, conversion, copies, text."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.engine.views import position_of
from tensorgrad.graph import Graph
from tests.nets import NAMES, STATE, Net
from tests.peer import close, torch_

RNG = np.random.default_rng


def test_parameters_buffers_and_modules_are_found_in_order_under_dotted_names() -> None:
    net = Net()
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert [id(p) for p in net.parameters()] == [id(p) for _, p in net.named_parameters()]
    assert [name for name, _ in net.named_buffers()] == [
        "offset", "bn1.running_mean", "bn1.running_var", "bn1.num_batches_tracked",
    ]  # fmt: skip
    assert [name for name, _ in net.named_modules()] == [
        "", "fc1", "bn1", "inner", "inner.0", "inner.1", "inner.1.0", "inner.1.1",
    ]  # fmt: skip
    assert [name for name, _ in net.named_children()] == ["fc1", "bn1", "inner"]
    assert list(net.state_dict()) == STATE
    assert [m for m in net.modules()][0] is net  # noqa: C416, RUF015 - the order is the point
    assert all(p.requires_grad for p in net.parameters())
    assert not any(b.requires_grad for b in net.buffers())


def test_the_names_and_their_order_are_pytorchs() -> None:
    torch = torch_()

    class Theirs(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1 = torch.nn.Linear(3, 4)
            self.bn1 = torch.nn.BatchNorm1d(4)
            self.inner = torch.nn.Sequential(
                torch.nn.ReLU(), torch.nn.Sequential(torch.nn.Dropout(0.0), torch.nn.Linear(4, 2))
            )
            self.scale = torch.nn.Parameter(torch.ones(1))
            self.register_buffer("offset", torch.zeros(1))

    ours, theirs = Net(), Theirs()
    assert [n for n, _ in ours.named_parameters()] == [n for n, _ in theirs.named_parameters()]
    assert [n for n, _ in ours.named_buffers()] == [n for n, _ in theirs.named_buffers()]
    assert [n for n, _ in ours.named_modules()] == [n for n, _ in theirs.named_modules()]
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [tuple(v.shape) for v in ours.state_dict().values()] == [
        tuple(v.shape) for v in theirs.state_dict().values()
    ]


def test_assignment_before_init_is_refused_with_the_cure() -> None:
    class Hasty(nn.Module):
        def __init__(self) -> None:
            self.fc = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"(?s)before Module.__init__\(\).*super\(\).__init__\(\)"):
        Hasty()


def test_a_registered_name_changes_hands_and_refuses_strangers() -> None:
    m = nn.Module()
    m.x = nn.Parameter(tg.ones(1))
    with pytest.raises(TypeError, match=r"cannot assign 'tensorgrad\.FloatTensor' as parameter 'x'"):
        m.x = tg.ones(1)
    m.x = None
    assert m.x is None
    assert list(m.parameters()) == []
    with pytest.raises(TypeError, match=r"cannot assign 'tensorgrad\.nn\.layers\.linear\.Linear' as parameter 'x'"):
        m.x = nn.Linear(1, 1)
    del m.x
    m.x = nn.Linear(1, 1)
    assert [n for n, _ in m.named_parameters()] == ["x.weight", "x.bias"]
    del m.x
    assert not hasattr(m, "x")
    with pytest.raises(AttributeError, match="'Module' object has no attribute 'x'"):
        _ = m.x
    m.plain = 3
    assert m.plain == 3
    del m.plain
    m.register_buffer("b", tg.zeros(1))
    m.b = tg.ones(1)
    assert m.state_dict()["b"].tolist() == [1.0]
    m.tensor = tg.ones(2, requires_grad=True)
    assert "tensor" not in m.state_dict()


def test_a_shared_parameter_is_listed_once_and_gets_both_gradients() -> None:
    layer = nn.Linear(2, 2, bias=False)
    net = nn.Sequential(layer, nn.Tanh(), layer)
    assert len(list(net.parameters())) == 1
    x = tg.tensor(RNG(0).normal(size=(3, 2)), dtype=tg.float32)
    net(x).sum().backward()
    w = tg.tensor(layer.weight.detach(), requires_grad=True)
    ((x @ w.T).tanh() @ w.T).sum().backward()
    close(layer.weight.grad, w.grad, 1e-5)


def test_the_state_lists_a_shared_module_under_each_of_its_names() -> None:
    layer = nn.Linear(1, 1)
    assert list(nn.Sequential(layer, layer).state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_train_and_eval_reach_every_module_and_come_back() -> None:
    net = Net()
    assert all(m.training for m in net.modules())
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    assert net.train() is net
    assert all(m.training for m in net.modules())
    net.inner.eval()
    assert (net.training, net.inner.training, net.inner[1].training) == (True, False, False)


def test_apply_visits_children_before_parents() -> None:
    visited: list[str] = []
    net = Net()
    assert net.apply(lambda m: visited.append(type(m).__name__)) is net
    assert visited == ["Linear", "BatchNorm1d", "ReLU", "Dropout", "Linear", "Sequential", "Sequential", "Net"]


def test_zero_grad_and_requires_grad_reach_every_parameter() -> None:
    net = Net()
    net(tg.randn(4, 3)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad(set_to_none=False)
    assert all(not p.grad.numpy().any() for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    assert not any(p.requires_grad for p in net.requires_grad_(False).parameters())
    assert not net(tg.randn(4, 3)).requires_grad


def test_conversion_to_double_converts_floats_only() -> None:
    net = Net().double()
    assert {p.dtype for p in net.parameters()} == {tg.float64}
    assert net.bn1.num_batches_tracked.dtype == tg.int64
    assert net.bn1.running_mean.dtype == tg.float64
    assert net(tg.randn(4, 3, dtype=tg.float64)).dtype == tg.float64
    assert all(p.is_leaf and p.requires_grad for p in net.parameters())
    assert {p.dtype for p in net.float().parameters()} == {tg.float32}


def test_a_deep_copy_of_a_module_is_independent_and_whole() -> None:
    net = Net()
    net(tg.randn(4, 3))
    twin = copy.deepcopy(net)
    assert [type(p) for p in twin.parameters()] == [nn.Parameter] * len(NAMES)
    assert list(twin.state_dict()) == STATE
    with tg.no_grad():
        twin.fc1.weight.fill_(0.0)
    assert net.fc1.weight.detach().numpy().any()
    x = tg.randn(4, 3)
    scopes = {n.scope.path for n in Graph.trace(twin, x).nodes if n.scope is not None}
    assert scopes >= {"fc1", "bn1", "inner.1.1"}


def test_a_module_without_forward_says_so() -> None:
    with pytest.raises(NotImplementedError, match=r"Module \[Module\] is missing the required \"forward\" function"):
        nn.Module()(1)


GOLDEN = """\
Sequential(
  (0): Linear(in_features=4, out_features=3, bias=True)
  (1): BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
  (2): ReLU()
  (3): Dropout(p=0.5, inplace=False)
  (4): Sequential(
    (0): Linear(in_features=3, out_features=2, bias=False)
    (1): Sigmoid()
  )
  (5): Tanh()
)"""


def stacked(lib: Any) -> Any:
    return lib.Sequential(
        lib.Linear(4, 3), lib.BatchNorm1d(3), lib.ReLU(), lib.Dropout(0.5),
        lib.Sequential(lib.Linear(3, 2, bias=False), lib.Sigmoid()), lib.Tanh(),
    )  # fmt: skip


def test_the_text_of_a_model_is_the_golden_one() -> None:
    assert repr(stacked(nn)) == GOLDEN


def test_the_text_of_a_model_is_pytorchs() -> None:
    torch = torch_()
    assert repr(stacked(torch.nn)) == GOLDEN
    for make in (
        lambda lib: lib.Sequential(),
        lambda lib: lib.MSELoss(),
        lambda lib: lib.CrossEntropyLoss(),
        lambda lib: lib.BatchNorm1d(3, momentum=None, affine=False),
        lambda lib: lib.Module(),
    ):
        assert repr(make(nn)) == repr(make(torch.nn))


def test_the_text_of_a_user_module_and_a_parameter() -> None:
    assert repr(Net()).startswith(
        "Net(\n  (fc1): Linear(in_features=3, out_features=4, bias=True)\n  (bn1): BatchNorm1d(4"
    )
    assert repr(nn.Parameter(tg.ones(2))) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("fc2", "fc1"), ("scal", "scale"), ("ofset", "offset"), ("ineer", "inner"), ("trainig", "training")],
)
def test_a_misspelt_attribute_is_answered_with_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(Net(), name)
    assert str(caught.value).startswith(f"'Net' object has no attribute '{name}'; nearest: ")
    assert nearest in str(caught.value).partition("nearest: ")[2].split(", ")
    assert caught.value.name == name
    assert getattr(Net(), name, 5) == 5


def test_a_property_that_fails_is_not_called_missing() -> None:
    class Broken(nn.Module):
        @property
        def width(self) -> int:
            return self.absent

    with pytest.raises(AttributeError, match="the property 'width' of 'Broken' object raised an AttributeError"):
        _ = Broken().width


def test_a_name_moves_with_its_module() -> None:
    inner = nn.Linear(1, 1)
    net = nn.Sequential(inner, nn.ReLU())
    assert net.path_of(inner) == "0"
    net.insert(0, nn.Tanh())
    assert net.path_of(inner) == "1"
    assert net.path_of(nn.ReLU()) is None
    holder = nn.Sequential(net)
    assert holder.path_of(inner) == "0.1"
    del net[0]
    assert holder.path_of(inner) == "0.0"


# --- conversion and copies --------------------------------------------------------------------------------------------


def test_conversion_keeps_identities_gradients_and_what_has_the_dtype_already() -> None:
    net = Net()
    net(tg.randn(4, 3)).sum().backward()
    before, gradients = list(net.parameters()), [p.grad.numpy().copy() for p in net.parameters()]
    memory = [p.detach().numpy() for p in before]
    net.float()
    assert all(np.shares_memory(p.detach().numpy(), a) for p, a in zip(net.parameters(), memory, strict=True))
    net.double()
    assert all(p is q for p, q in zip(net.parameters(), before, strict=True))
    for p, g in zip(net.parameters(), gradients, strict=True):
        assert p.grad.dtype == tg.float64
        close(p.grad, g.astype(np.float64))
    with pytest.raises(RuntimeError, match="no device 'cuda'"):
        net.cuda()
    with pytest.raises(RuntimeError, match="no device 'cuda:1'"):
        net.to("cuda:1")
    with pytest.raises(TypeError, match=r"nn\.Module\.to only accepts floating point"):
        net.to(tg.complex64)


def test_an_overridden_train_is_called_from_above() -> None:
    class Frozen(nn.BatchNorm1d):
        def train(self, mode: bool = True) -> Any:  # noqa: ARG002 - the point: it stays in evaluation
            return super().train(False)

    net = nn.Sequential(Frozen(2), nn.ReLU())
    net.train()
    assert [m.training for m in net.modules()] == [True, False, True]


def test_a_shallow_copy_shares_parameters_and_not_names() -> None:
    net = Net()
    net.register_forward_hook(lambda module, args, output: output)
    twin = copy.copy(net)
    assert all(p is q for p, q in zip(net.parameters(), twin.parameters(), strict=True))
    twin.extra = nn.Linear(1, 1)
    del twin.scale
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert twin.path_of(twin.fc1) == "fc1"


def test_a_parameter_shares_the_memory_of_its_tensor_and_not_its_history() -> None:
    x = tg.ones(2, requires_grad=True)
    y = x * 2
    p = nn.Parameter(y)
    assert p.is_leaf
    assert p.requires_grad
    with tg.no_grad():
        p.mul_(3.0)
    assert y.tolist() == [6.0, 6.0]
    twin = copy.deepcopy(p)
    assert type(twin) is nn.Parameter
    assert not np.shares_memory(twin.detach().numpy(), p.detach().numpy())
    buffer = nn.Buffer(y, persistent=False)
    assert (buffer.requires_grad, copy.deepcopy(buffer).persistent) == (False, False)


def test_a_buffer_that_does_not_persist_is_converted_and_not_saved() -> None:
    m = nn.Module()
    m.passing = nn.Buffer(tg.ones(1), persistent=False)
    m.kept = nn.Buffer(tg.ones(1))
    assert list(m.state_dict()) == ["kept"]
    assert m.double().passing.dtype == tg.float64
    assert copy.deepcopy(m).load_state_dict(m.state_dict()) == ([], [])
    del m.passing
    m.register_buffer("passing", tg.ones(1))
    assert list(m.state_dict()) == ["kept", "passing"]


def test_a_parameter_is_noted_to_share_memory_only_with_what_is_there() -> None:
    alone = [nn.Parameter(tg.ones(2)), nn.Buffer(tg.ones(2)), nn.Linear(2, 2).weight]  # assert would hold the tensors
    assert [position_of(p) for p in alone] == [None] * 3
    x = tg.ones(2)
    for shared in (nn.Parameter(x), nn.Parameter(x, False), nn.Parameter(data=x), nn.Parameter(x[:1]), nn.Buffer(x)):
        assert position_of(shared) is not None


@pytest.mark.parametrize("make", [nn.Parameter, lambda x: nn.Parameter(x.detach()), lambda x: nn.Parameter(x[:])])
def test_a_write_to_the_array_behind_the_tensor_of_a_parameter_is_noticed(make: Any) -> None:
    x = tg.ones(2)
    p = make(x)
    y = (p * p).sum()
    x.numpy()[0] = 5.0
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


@pytest.mark.parametrize(
    ("layer", "sizes"),
    [("Linear", (2, 3)), ("Bilinear", (2, 2, 3)), ("Conv2d", (1, 2, 3)), ("ConvTranspose1d", (1, 2, 3)),
     ("Embedding", (4, 2)), ("EmbeddingBag", (4, 2)), ("LSTM", (2, 3)), ("GRUCell", (2, 3)), ("LazyLinear", (3,))],
)  # fmt: skip
def test_a_class_of_the_users_draws_its_initial_values_without_a_generator(layer: str, sizes: tuple[int, ...]) -> None:
    class Zeros(getattr(nn, layer)):
        def reset_parameters(self):
            for p in self.parameters():
                nn.init.zeros_(p)

    made = Zeros(*sizes)
    if layer == "LazyLinear":
        made(tg.ones(1, 2))
    assert all(not p.detach().any() for p in made.parameters())

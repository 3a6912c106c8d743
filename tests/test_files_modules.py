"""Whole modules in files: what is kept, what is refused, and that loading runs nothing of their classes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import DataError
from tensorgrad.files import container
from tensorgrad.nn import functional
from tensorgrad.optim import swa_utils
from tests import fuzz_files
from tests.packing import packed

RAN: list[str] = []


def again(obj: Any) -> Any:
    return tg.load(io.BytesIO(packed(obj)), weights_only=False)


class Net(nn.Module):
    """Something of every kind that is kept."""

    scale = 1.0

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(3, 3, bias=False), nn.Linear(3, 3)
        self.outer.weight = self.inner.weight
        self.blocks = [nn.Linear(3, 3), nn.Dropout(0.5)]
        self.same = {"block": self.blocks[0], "bias": self.outer.bias}
        self.activation, self.other = functional.relu, tg.tanh
        self.sizes, self.kind, self.place = tg.Size([2, 3]), tg.float64, tg.device("cpu")
        self.text, self.number, self.nothing = "text", (1, 2.5, True, 1j), None
        self.table, self.names = np.arange(3), {"a", "b"}
        self.scale = 2.0
        self.fixed = tg.tensor([1, 2])
        self.register_buffer("kept", tg.ones(3))
        self.register_buffer("transient", tg.ones(3), persistent=False)
        self.register_parameter("absent", None)
        self.own = nn.Buffer(tg.zeros(2), persistent=False)
        self.frozen = nn.Parameter(tg.ones(2), requires_grad=False)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.other(self.blocks[0](self.activation(self.outer(self.inner(x))))) * self.scale

    class Nested(nn.Module):
        """A class in a class."""


def recorder(name: str) -> Callable[..., None]:
    return lambda *args, **kwargs: RAN.append(name)


class Descriptor:
    """It tells of every use."""

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        RAN.append("__get__")
        return 1

    def __set__(self, instance: Any, value: Any) -> None:
        RAN.append("__set__")


class Meta(type):
    """A metaclass that tells of every use."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        RAN.append("Meta.__call__")
        return super().__call__(*args, **kwargs)

    def __getattribute__(cls, name: str) -> Any:
        RAN.append(f"Meta.{name}")
        return super().__getattribute__(name)

    def __instancecheck__(cls, instance: Any) -> bool:
        RAN.append("Meta.__instancecheck__")
        return True

    def __eq__(cls, other: object) -> bool:
        RAN.append("Meta.__eq__")
        return cls is other

    def __hash__(cls) -> int:
        RAN.append("Meta.__hash__")
        return type.__hash__(cls)


class Trap(nn.Module, metaclass=Meta):
    """Whatever runs when it is made, tells."""

    armed: ClassVar[bool] = False
    watched = Descriptor()

    def __new__(cls) -> Any:
        RAN.append("__new__")
        return super().__new__(cls)

    def __init__(self) -> None:
        RAN.append("__init__")
        super().__init__()
        self.fc = nn.Linear(2, 2)
        self.setting = 3

    def __init_subclass__(cls, **kwargs: Any) -> None:
        RAN.append("__init_subclass__")

    def __setattr__(self, name: str, value: Any) -> None:
        RAN.append("__setattr__")
        super().__setattr__(name, value)

    def __getattribute__(self, name: str) -> Any:
        RAN.append(f"__getattribute__ {name}")
        return super().__getattribute__(name)

    def __setstate__(self, state: Any) -> None:
        RAN.append("__setstate__")

    __getstate__ = __reduce__ = __reduce_ex__ = recorder("pickle")  # type: ignore[assignment]
    __eq__ = __hash__ = __index__ = recorder("compared")  # type: ignore[assignment]

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        RAN.append("__dict__")
        return super().__dict__

    @property
    def __class__(self) -> Any:
        RAN.append("__class__")
        return Trap


# --- what is kept -----------------------------------------------------------------------------------------------------


def test_a_module_comes_back_with_all_that_it_holds() -> None:
    net = Net().eval()
    net.inner.weight.name = "W"
    twin = again({"model": net, "epoch": 3})["model"]
    assert type(twin) is Net
    assert vars(twin).keys() == vars(net).keys()
    assert repr(twin) == repr(net)
    x = tg.randn(4, 3)
    assert tg.equal(twin(x), net(x))
    assert {k: v.tolist() for k, v in twin.state_dict().items()} == {k: v.tolist() for k, v in net.state_dict().items()}
    assert [type(b) for b in twin.buffers()] == [tg.Tensor, tg.Tensor, nn.Buffer]
    assert (twin.activation, twin.other, twin.own.persistent, twin.frozen.requires_grad) == (
        functional.relu,
        tg.tanh,
        False,
        False,
    )
    for name in ("sizes", "kind", "place", "text", "number", "nothing", "names", "scale", "training", "absent"):
        assert (type(getattr(twin, name)), getattr(twin, name)) == (type(getattr(net, name)), getattr(net, name))
    assert (twin.table.tolist(), twin.fixed.tolist(), twin.inner.weight.name) == ([0, 1, 2], [1, 2], "W")


def test_what_is_shared_stays_shared_and_a_circle_a_circle() -> None:
    net = Net()
    net.parents = [net]
    twin = again(net)
    assert twin.outer.weight is twin.inner.weight
    assert twin.same["block"] is twin.blocks[0]
    assert twin.same["bias"] is twin.outer.bias
    assert twin.parents[0] is twin
    one, other = again([net.inner, net.outer])
    assert one.weight is other.weight
    optimizer = tg.optim.SGD(twin.parameters(), 0.1)
    twin(tg.ones(1, 3)).sum().backward()
    optimizer.step()
    assert twin.outer.weight is twin.inner.weight


def test_a_class_in_a_class_and_one_with_dots_in_the_name_of_its_module() -> None:
    assert type(again(Net.Nested())) is Net.Nested
    assert type(again(nn.Sequential(nn.ReLU()))[0]) is nn.ReLU


MADE: dict[str, Callable[[], nn.Module]] = {
    "AdaptiveLogSoftmaxWithLoss": lambda: nn.AdaptiveLogSoftmaxWithLoss(4, 10, [3]),
    "DataParallel": lambda: nn.DataParallel(nn.Linear(2, 2)),
    "TransformerDecoder": lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 8), 2),
    "TransformerEncoder": lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8), 2),
    "Unflatten": lambda: nn.Unflatten(1, (2, 2)),
}


def made(name: str) -> nn.Module:
    """A layer of that name, from the first arguments that fit."""
    if name in MADE:
        return MADE[name]()
    for args in ((), (2,), (2, 2), (2, 2, 2), (4, 2, 2, 2)):
        try:
            return getattr(nn, name)(*args)
        except (TypeError, ValueError, RuntimeError):
            continue
    pytest.fail(f"say in MADE how {name} is made")


def is_layer(name: str) -> bool:
    return isinstance(getattr(nn, name), type) and issubclass(getattr(nn, name), nn.Module)


@pytest.mark.parametrize("name", list(filter(is_layer, nn.__all__)))
def test_every_layer_comes_back_or_is_refused(name: str) -> None:
    layer = made(name)
    if "Lazy" in name:
        with pytest.raises(TypeError, match=r"obj has hooks.*call a lazy module once first"):
            packed(layer)
        return
    twin = again(layer)
    assert (type(twin), repr(twin), vars(twin).keys()) == (type(layer), repr(layer), vars(layer).keys())


def test_a_script_loads_the_modules_of_its_own(tmp_path: Path) -> None:
    program = """
import sys, tensorgrad as tg
if sys.argv[1] != "plain":
    class Net(tg.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = tg.nn.Linear(2, 1)
    if sys.argv[1] == "save":
        tg.save(Net(), sys.argv[2])
        tg.save(tg.nn.Linear(2, 1), sys.argv[2] + "linear")
        sys.exit()
try:
    print(tg.load(sys.argv[2], weights_only=False).fc.weight.shape)
except tg.errors.DataError as error:
    print(error)
print(type(tg.load(sys.argv[2] + "linear", weights_only=False)).__name__)
"""
    (tmp_path / "script.py").write_text(program)

    def run(what: str) -> str:
        command = [sys.executable, str(tmp_path / "script.py"), what, str(tmp_path / "net")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout

    run("save")
    assert run("load").split("\n")[:2] == ["tensorgrad.Size([1, 2])", "Linear"]
    assert "needs the modules '__main__.Net', which this program has not imported: import '__main__'" in run("plain")


# --- what runs --------------------------------------------------------------------------------------------------------


def test_loading_runs_nothing_of_the_class() -> None:
    content = packed(Trap())
    assert "__init__" in RAN
    RAN.clear()
    twin = tg.load(io.BytesIO(content), weights_only=False)
    ran = list(RAN)
    RAN.clear()
    assert ran == []
    assert type(twin) is Trap
    assert twin.setting == 3
    assert twin.fc.weight.shape == (2, 2)
    assert "__getattribute__ setting" in RAN


IN_PLACES = [
    '{"set":[%s]}', '{"frozenset":[%s]}', '{"set":[{"tuple":[1,{"tuple":[%s]}]}]}', '{"dict":[[%s,1]]}',
    '{"ordereddict":[[%s,1]]}', '{"counter":[[%s,1]]}', '{"dict":[[{"tuple":[%s]},1]]}', '{"size":[%s]}',
    '[%s,{"set":[{"same":0},{"same":0}]}]', '[%s,{"dict":[[{"same":0},1]]}]', '[%s,{"set":[{"function":"tanh"}]}]',
]  # fmt: skip


@pytest.mark.parametrize("place", IN_PLACES)
def test_no_module_is_made_where_it_would_be_hashed_or_compared(place: str) -> None:
    content = packed(Trap())
    structure, arrays = container.unpack(io.BytesIO(content), len(content), "a file")
    crafted = b"".join(map(bytes, container.pack(place.replace("%s", str(structure)), arrays)))
    RAN.clear()
    with pytest.raises(DataError):
        tg.load(io.BytesIO(crafted), weights_only=False)
    assert RAN == []


def test_tensors_and_plain_data_in_sets_come_back() -> None:
    model = holding({1, "a", (2.5, None, tg.float32), frozenset({3j})})()
    model.pair = {model.register_parameter("p", nn.Parameter(tg.ones(1))) or model.p, np.float32(1)}
    twin = again(model)
    assert twin.encoder.hook == model.encoder.hook
    assert any(x is twin.p for x in twin.pair)


def test_a_model_of_averages_comes_back_and_averages_on() -> None:
    one, two = nn.Linear(2, 1), nn.Linear(2, 1)
    for options in (
        {}, {"avg_fn": swa_utils.get_ema_avg_fn(0.9)}, {"multi_avg_fn": swa_utils.get_ema_multi_avg_fn(0.5)},
        {"multi_avg_fn": swa_utils.get_swa_multi_avg_fn()},
    ):  # fmt: skip
        model = swa_utils.AveragedModel(one, **options)
        model.update_parameters(one)
        twin = again(model)
        for each in (model, twin):
            each.update_parameters(two)
        assert tg.equal(twin.module.weight, model.module.weight)
        assert not tg.equal(twin.module.weight, one.weight)
        assert twin.n_averaged == 2


def test_modules_are_made_only_where_that_is_asked_for() -> None:
    content = packed({"model": nn.ReLU()})
    for options in ({}, {"weights_only": True}, {"weights_only": None}):
        with pytest.raises(DataError, match=r"found whole modules: load\(path, weights_only=False\)"):
            tg.load(io.BytesIO(content), **options)


def test_classes_that_are_not_there_are_all_named_and_none_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    made = types.ModuleType("somewhere.models")
    for name in ("First", "Second"):
        cls = type(name, (nn.Module,), {"__module__": "somewhere.models"})
        setattr(made, name, cls)
    monkeypatch.setitem(sys.modules, "somewhere.models", made)
    content = packed([made.First(), made.Second(), nn.ReLU()])
    assert type(tg.load(io.BytesIO(content), weights_only=False)[1]) is made.Second
    made.First = type("First", (nn.Module,), {})  # another one of the same name
    assert type(tg.load(io.BytesIO(content), weights_only=False)[0]) is made.First
    for other in (dict, nn.Module.forward, 3, None, types.SimpleNamespace(), type("First", (nn.Module, dict), {})):
        made.First = other
        with pytest.raises(
            DataError, match=r"needs the modules 'somewhere\.models\.First', which this program has not"
        ):
            tg.load(io.BytesIO(content), weights_only=False)
    monkeypatch.delitem(sys.modules, "somewhere.models")
    with pytest.raises(DataError, match=r"First', 'somewhere.models.Second'.*: import 'somewhere\.models' before"):
        tg.load(io.BytesIO(content), weights_only=False)


# --- what is refused --------------------------------------------------------------------------------------------------


def holding(value: Any, name: str = "hook") -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        model = nn.Module()
        model.encoder = nn.Module()
        setattr(model.encoder, name, value)
        return model

    return make


def local() -> nn.Module:
    class Local(nn.Module):
        """Defined in a function."""

    return Local()


class Slotted(nn.Module):
    """A class with a slot."""

    __slots__ = ("slot",)


class Replaced(nn.Module):
    """A class that is defined twice."""


_REPLACED = Replaced()


class Replaced(nn.Module):  # type: ignore[no-redef]
    """The second time."""


def hooked() -> nn.Module:
    model = holding(1)()
    model.encoder.register_forward_hook(lambda *_: None)
    return model


def compiled() -> nn.Module:
    model = nn.ReLU()
    model.compile()
    return model


def sharing() -> nn.Module:
    model = nn.Linear(2, 2)
    model.twin = nn.Parameter(model.weight.detach()[1:])
    return model


class Symmetric(nn.Module):
    """A parametrisation."""

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return x.triu()


def on_a_parameter(method: str) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        model = holding(nn.Linear(2, 2), "fc")()
        getattr(model.encoder.fc.weight, method)(lambda _: None)
        return model

    return make


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "lambda": (holding(lambda: 1), "obj.encoder.hook is a function, which is no data"),
    "a_function_of_the_user": (holding(packed), "obj.encoder.hook is a function"),
    "a_function_that_saves": (holding(tg.save), "obj.encoder.hook is a function"),
    "inside": (holding({"a": [lambda: 1]}), "obj.encoder.hook['a'][0] is a function"),
    "builtin": (holding(len), "obj.encoder.hook is of class builtin_function_or_method"),
    "class": (holding(nn.ReLU), "obj.encoder.hook is of class type"),
    "optimiser": (lambda: holding(tg.optim.SGD([tg.ones(1)], 0.1))(), "obj.encoder.hook is of class SGD"),
    "generator": (lambda: holding(tg.Generator())(), "obj.encoder.hook is of class Generator"),
    "history": (lambda: holding(tg.ones(1, requires_grad=True) * 2)(), "without a history"),
    "method": (holding(functional.relu, "forward"), "obj.encoder.forward stands before what the class has"),
    "compiled_in_place": (compiled, "obj.forward stands before what the class has"),
    "compiled": (lambda: tg.compile(nn.ReLU()), "not found again by that name"),
    "parametrized": (
        lambda: nn.utils.parametrize.register_parametrization(nn.Linear(2, 2), "weight", Symmetric()), "not found again"
    ),
    "local": (local, "define it at the top of a file"),
    "slots": (Slotted, "one with __slots__"),
    "replaced": (lambda: _REPLACED, "not found again by that name"),
    "hooks": (hooked, "obj.encoder has hooks, functions that are no data: remove them"),
    "hook_of_a_parameter": (on_a_parameter("register_hook"), "obj.encoder.fc.weight has hooks"),
    "hook_after": (on_a_parameter("register_post_accumulate_grad_hook"), "obj.encoder.fc.weight has hooks"),
    "in_a_set": (lambda: holding({nn.ReLU()})(), "obj.encoder.hook is a set that holds something of class ReLU"),
    "in_a_frozenset": (lambda: [frozenset({(1, (nn.ReLU(),))})], "obj[0] is a set that holds something of class tuple"),
    "function_in_a_set": (holding({functional.relu}), "is a set that holds something of class function"),
    "a_key": (lambda: {nn.ReLU(): 1}, "obj has a key of class ReLU"),
    "average": (
        lambda: swa_utils.AveragedModel(nn.Linear(1, 1), avg_fn=lambda a, w, n: a),
        "obj._rule is a function, which is no data",
    ),
    "shared_memory": (sharing, "obj.twin shares memory with another tensor"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_data_is_refused_by_its_path(name: str, tmp_path: Path) -> None:
    make, text = REFUSED[name]
    with pytest.raises(TypeError) as caught:
        tg.save(make(), tmp_path / "net")
    assert text in str(caught.value)
    assert not list(tmp_path.iterdir())


TAMPERED: dict[str, tuple[str, str]] = {
    "a_method": ('["p",0.5]', '["forward",0.5]'),
    "a_registry": ('["p",0.5]', '["_modules",{"dict":[]}]'),
    "training": ('"training":true', '"training":1'),
    "a_number_as_a_module": ('"modules":[]', '"modules":[["a",3]]'),
    "a_module_as_a_parameter": ('"parameters":[]', '"parameters":[["a",{"same":0}]]'),
    "a_name_twice": ('"modules":[]', '"modules":[["p",{"same":0}]]'),
    "a_dot": ('"modules":[]', '"modules":[["a.b",{"same":0}]]'),
    "a_number_that_is_not_there": ('"modules":[]', '"modules":[["a",{"same":9}]]'),
    "a_number_from_the_end": ('"modules":[]', '"modules":[["a",{"same":-1}]]'),
    "a_function_that_may_not": ('["p",0.5]', '["p",{"function":"save"}]'),
    "a_function_that_is_not_there": ('["p",0.5]', '["p",{"function":"os.system"}]'),
    "transient": ('"transient":[]', '"transient":["p"]'),
    "a_class_of_no_module": ('"Dropout"]', '"settings"]'),
    "an_attribute_of_a_class": ('"Dropout"]', '"Dropout.forward"]'),
    "no_text": ('"Dropout"]', "1]"),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_file_that_was_changed_makes_no_other_object(name: str) -> None:
    content = packed(nn.Dropout(0.5))
    structure, arrays = container.unpack(io.BytesIO(content), len(content), "a file")
    before, after = TAMPERED[name]
    text = str(structure).replace(before, after)
    json.loads(text)
    assert text != structure
    with pytest.raises(DataError):
        tg.load(io.BytesIO(b"".join(map(bytes, container.pack(text, arrays)))), weights_only=False)


def test_changed_files_of_modules_are_right_or_refused() -> None:
    files = [packed(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))), packed([Net(), nn.GRU(2, 2)])]
    found = list(fuzz_files.failures(files, 300, 0, fuzz_files.of_modules, weights_only=False))
    assert not found, found[0][1]

"""A list of module operations side by side with PyTorch: results, names, orders, texts, errors by class and words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import tensorgrad as tg
from tests.peer import torch_


def net(lib: Any) -> Any:
    """Parameters, buffers of both kinds, a shared module, a container, and an optional parameter that is not there."""
    nn = lib.nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(2, 3)
            self.body = nn.Sequential(nn.ReLU(), nn.Linear(3, 3, bias=False))
            self.again = self.first
            self.scale = nn.Parameter(lib.ones(1))
            self.register_parameter("shift", None)
            self.register_buffer("kept", lib.zeros(2))
            self.register_buffer("passing", lib.ones(2), persistent=False)
            self.marked = nn.Buffer(lib.ones(1), persistent=False)
            self.number = 3

        def extra_repr(self) -> str:
            return "one line\nanother"

    return Net()


def state(lib: Any, **changes: Any) -> dict[str, Any]:
    """The state of `net`, some keys with other values; None takes one away."""
    merged = {**net(lib).state_dict(), **{k.replace("_dot_", "."): v for k, v in changes.items()}}
    return {k: v for k, v in merged.items() if v is not None}


def assigned(name: str, make: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The names of everything after ``net.name = make(lib)``."""

    def run(lib: Any) -> Any:
        module = net(lib)
        setattr(module, name, make(lib))
        return everything(module)

    return run


def deleted(name: str) -> Callable[[Any], Any]:
    def run(lib: Any) -> Any:
        module = net(lib)
        delattr(module, name)
        return everything(module)

    return run


def changed(change: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    def run(lib: Any) -> Any:
        module = net(lib)
        change(module, lib)
        return everything(module)

    return run


def names(pairs: Any) -> list[str]:
    return [name for name, _ in pairs]


def everything(module: Any) -> Any:
    return (
        names(module.named_parameters()), names(module.named_buffers()), names(module.named_modules()),
        list(module.state_dict()), [p.requires_grad for p in module.parameters()],
    )  # fmt: skip


def dtypes(module: Any) -> list[str]:
    return [str(x.dtype) for x in (*module.parameters(), *module.buffers())]


def hasty(lib: Any, value: Callable[[Any], Any]) -> Any:
    class Hasty(lib.nn.Module):
        def __init__(self) -> None:
            self.x = value(lib)

    return Hasty()


OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "everything": lambda lib: everything(net(lib)),
    "text": net,
    "text of one line": lambda lib: lib.nn.Linear(1, 2),
    "parameters with a prefix": lambda lib: names(net(lib).named_parameters("a")),
    "own parameters": lambda lib: names(net(lib).named_parameters(recurse=False)),
    "count of own parameters": lambda lib: len(list(net(lib).parameters(recurse=False))),
    "parameters under each name": lambda lib: names(net(lib).named_parameters(remove_duplicate=False)),
    "own buffers": lambda lib: names(net(lib).named_buffers("a", recurse=False)),
    "modules under each name": lambda lib: names(net(lib).named_modules(prefix="a", remove_duplicate=False)),
    "children": lambda lib: names(net(lib).named_children()),
    "state with a prefix": lambda lib: list(net(lib).state_dict(prefix="a.")),
    "state in a dictionary": lambda lib: list(net(lib).state_dict(destination={"old": 1})),
    "state with variables": lambda lib: [x.requires_grad for x in net(lib).state_dict(keep_vars=True).values()],
    "submodule": lambda lib: net(lib).get_submodule("body.1"),
    "the module itself": lambda lib: net(lib).get_submodule(""),
    "submodule that is none": lambda lib: net(lib).get_submodule("first.weight"),
    "submodule that is not there": lambda lib: net(lib).get_submodule("body.5"),
    "submodule below nothing": lambda lib: net(lib).get_submodule("bode.5"),
    "parameter": lambda lib: net(lib).get_parameter("scale"),
    "parameter below": lambda lib: net(lib).get_parameter("body.1.weight").shape[0],
    "parameter that is a buffer": lambda lib: net(lib).get_parameter("kept"),
    "parameter without a name": lambda lib: net(lib).get_parameter(""),
    "buffer": lambda lib: net(lib).get_buffer("kept"),
    "buffer that is a parameter": lambda lib: net(lib).get_buffer("first.weight"),
    "buffer that is not there": lambda lib: net(lib).get_buffer("first.kept"),
    "set submodule": changed(lambda m, lib: m.set_submodule("body.1", lib.nn.Tanh())),
    "set new submodule": changed(lambda m, lib: m.set_submodule("first.act", lib.nn.Tanh())),
    "set new submodule, strict": changed(lambda m, lib: m.set_submodule("first.act", lib.nn.Tanh(), strict=True)),
    "set submodule over a parameter": changed(lambda m, lib: m.set_submodule("first.weight", lib.nn.Tanh())),
    "set submodule without a name": changed(lambda m, lib: m.set_submodule("", lib.nn.Tanh())),
    "set submodule to a number": changed(lambda m, lib: m.set_submodule("body", 3)),
    "register buffer": changed(lambda m, lib: m.register_buffer("new", lib.ones(1))),
    "register buffer again": changed(lambda m, lib: m.register_buffer("passing", lib.ones(1))),
    "register buffer with a dot": changed(lambda m, lib: m.register_buffer("a.b", lib.ones(1))),
    "register buffer without a name": changed(lambda m, lib: m.register_buffer("", lib.ones(1))),
    "register buffer under a number": changed(lambda m, lib: m.register_buffer(3, lib.ones(1))),
    "register buffer over a method": changed(lambda m, lib: m.register_buffer("forward", lib.ones(1))),
    "register buffer over a parameter": changed(lambda m, lib: m.register_buffer("scale", lib.ones(1))),
    "register a number as buffer": changed(lambda m, lib: m.register_buffer("new", 3)),
    "register parameter": changed(lambda m, lib: m.register_parameter("new", lib.nn.Parameter(lib.ones(1)))),
    "register parameter with a dot": changed(lambda m, lib: m.register_parameter("a.b", None)),
    "register parameter without a name": changed(lambda m, lib: m.register_parameter("", None)),
    "register parameter under a number": changed(lambda m, lib: m.register_parameter(3, None)),
    "register parameter over a number": changed(lambda m, lib: m.register_parameter("number", None)),
    "register a tensor as parameter": changed(lambda m, lib: m.register_parameter("new", lib.ones(1))),
    "register module": changed(lambda m, lib: m.register_module("new", lib.nn.ReLU())),
    "add module again": changed(lambda m, lib: m.add_module("body", lib.nn.ReLU())),
    "add nothing": changed(lambda m, lib: m.add_module("new", None)),
    "add a number": changed(lambda m, lib: m.add_module("new", 3)),
    "add module with a dot": changed(lambda m, lib: m.add_module("a.b", lib.nn.ReLU())),
    "add module without a name": changed(lambda m, lib: m.add_module("", lib.nn.ReLU())),
    "add module under a number": changed(lambda m, lib: m.add_module(3, lib.nn.ReLU())),
    "add module over a parameter": changed(lambda m, lib: m.add_module("scale", lib.nn.ReLU())),
    "assign a parameter": assigned("scale", lambda lib: lib.nn.Parameter(lib.ones(1))),
    "assign a parameter over a module": assigned("first", lambda lib: lib.nn.Parameter(lib.ones(1))),
    "assign a parameter over a buffer": assigned("passing", lambda lib: lib.nn.Parameter(lib.ones(1))),
    "assign a parameter over a number": assigned("number", lambda lib: lib.nn.Parameter(lib.ones(1))),
    "assign a parameter to nothing": assigned("shift", lambda lib: lib.nn.Parameter(lib.ones(1))),
    "assign none to a parameter": assigned("scale", lambda lib: None),
    "assign a tensor to a parameter": assigned("scale", lambda lib: lib.ones(1)),
    "assign a number to a parameter": assigned("scale", lambda lib: 3),
    "assign a module": assigned("new", lambda lib: lib.nn.Linear(1, 1)),
    "assign a module over a module": assigned("first", lambda lib: lib.nn.ReLU()),
    "assign a module over a parameter": assigned("scale", lambda lib: lib.nn.ReLU()),
    "assign none to a module": assigned("first", lambda lib: None),
    "assign a number to a module": assigned("first", lambda lib: 3),
    "assign a tensor": assigned("new", lambda lib: lib.ones(1)),
    "assign a buffer": assigned("new", lambda lib: lib.nn.Buffer(lib.ones(1))),
    "assign a passing buffer": assigned("new", lambda lib: lib.nn.Buffer(lib.ones(1), persistent=False)),
    "assign a tensor to a buffer": assigned("kept", lambda lib: lib.ones(5)),
    "assign none to a buffer": assigned("kept", lambda lib: None),
    "assign a number to a buffer": assigned("kept", lambda lib: 3),
    "delete a parameter": deleted("scale"),
    "delete a buffer": deleted("passing"),
    "delete a module": deleted("body"),
    "delete what is not there": deleted("nothing"),
    "parameter before init": lambda lib: hasty(lib, lambda lib: lib.nn.Parameter(lib.ones(1))),
    "module before init": lambda lib: hasty(lib, lambda lib: lib.nn.ReLU()),
    "buffer before init": lambda lib: hasty(lib, lambda lib: lib.nn.Buffer(lib.ones(1))),
    "attribute that is not there": lambda lib: net(lib).qqqq,
    "dir": lambda lib: [name for name in ("first", "scale", "kept", "body", "number", "0") if name in dir(net(lib))],
    "train": lambda lib: [m.training for m in net(lib).eval().body.train().modules()],
    "double": lambda lib: dtypes(net(lib).double()),
    "half": lambda lib: dtypes(net(lib).half()),
    "float": lambda lib: dtypes(net(lib).double().float()),
    "to a dtype": lambda lib: dtypes(net(lib).to(lib.float64)),
    "to a device": lambda lib: dtypes(net(lib).to("cpu")),
    "to a device and a dtype": lambda lib: dtypes(net(lib).to("cpu", lib.float64)),
    "to by keywords": lambda lib: dtypes(net(lib).to(device="cpu", dtype=lib.float64)),
    "to a dtype, non-blocking": lambda lib: dtypes(net(lib).to(lib.float64, True)),
    "to a tensor": lambda lib: dtypes(net(lib).to(lib.ones(1, dtype=lib.float64))),
    "to integers": lambda lib: net(lib).to(lib.int64),
    "type of batchnorm": lambda lib: dtypes(lib.nn.BatchNorm1d(2).type(lib.float64)),
    "type by name": lambda lib: dtypes(lib.nn.BatchNorm1d(2).type("torch.DoubleTensor")),
    "double of batchnorm": lambda lib: dtypes(lib.nn.BatchNorm1d(2).double()),
    "cpu": lambda lib: dtypes(net(lib).cpu()),
    "freeze": lambda lib: everything(net(lib).requires_grad_(False)),
    "apply": lambda lib: [type(m).__name__ for m in visited(net(lib))],
    "call": lambda lib: net(lib)(1),
    "extra state": lambda lib: net(lib).get_extra_state(),
    "load": lambda lib: net(lib).load_state_dict(state(lib)),
    "load nothing": lambda lib: net(lib).load_state_dict({}),
    "load nothing, not strict": lambda lib: net(lib).load_state_dict({}, strict=False),
    "load a list": lambda lib: net(lib).load_state_dict([1]),
    "load too much": lambda lib: net(lib).load_state_dict(
        state(lib, x=lib.ones(1), first_dot_y=lib.ones(1), no_dot_z=lib.ones(1), body_dot_1_dot_q=lib.ones(1))
    ),
    "load too much, not strict": lambda lib: net(lib).load_state_dict(state(lib, body_dot_q=lib.ones(1)), strict=False),
    "load too little": lambda lib: net(lib).load_state_dict(state(lib, scale=None, body_dot_1_dot_weight=None)),
    "load another shape": lambda lib: net(lib).load_state_dict(state(lib, scale=lib.ones(3), kept=lib.ones(3, 1))),
    "load everything wrong": lambda lib: net(lib).load_state_dict(
        state(lib, x=lib.ones(1), kept=None, scale=lib.ones(2))
    ),
    "load below a parameter": lambda lib: net(lib).load_state_dict(state(lib, scale_dot_x=lib.ones(1))),
    "load a word": lambda lib: net(lib).load_state_dict(state(lib, scale="word")),
    "parameter alone": lambda lib: lib.nn.Parameter(lib.ones(2)),
    "parameter without gradient": lambda lib: lib.nn.Parameter(lib.ones(2), requires_grad=False),
    "parameter of integers": lambda lib: lib.nn.Parameter(lib.ones(2, dtype=lib.int64)),
    "parameter of nothing": lambda lib: lib.nn.Parameter(),
    "buffer of nothing": lambda lib: lib.nn.Buffer(),
    "buffer alone": lambda lib: (lib.nn.Buffer(lib.ones(2)), lib.nn.Buffer(lib.ones(1), persistent=False).persistent),
}  # fmt: skip


def visited(module: Any) -> list[Any]:
    found: list[Any] = []
    module.apply(found.append)
    return found


def outcome(operation: Callable[[Any], Any], lib: Any) -> tuple[type, str]:
    """The class and the text of the result; of an error its class and five words, or all where a state does not fit."""
    try:
        kind, text = object, repr(operation(lib))
    except Exception as error:  # noqa: BLE001 - whichever it is, it is compared
        kind, text = type(error), str(error)
        if "While copying" in text or not text.startswith("Error(s) in loading"):
            text = " ".join(text.split()[:5])
    for word in ("tensorgrad.", "torch.", "nn.modules.activation.", "nn.layers.activations.", "'", '"'):
        text = text.replace(word, "")
    return kind, text.lower().rstrip(":,.")


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_on_modules_has_pytorchs_result_or_error(name: str) -> None:
    torch = torch_()
    for lib in (tg, torch):
        lib.manual_seed(0)
    (found, text), (wanted, expected) = outcome(OPERATIONS[name], tg), outcome(OPERATIONS[name], torch)
    assert text == expected
    assert issubclass(found, wanted)

"""Containers of modules and of parameters: as lists and dictionaries, by name, in text, side by side with PyTorch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, strategies as st

import tensorgrad as tg
from tensorgrad import nn
from tests.peer import torch_


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


def test_a_sequential_runs_a_shared_module_as_often_as_it_is_listed() -> None:
    double = nn.Linear(1, 1, bias=False)
    nn.init.constant_(double.weight, 2.0)
    net = nn.Sequential(double, double) * 2
    assert len(net) == 4
    assert list(net.children()) == [double]
    assert net(tg.ones(1, 1)).item() == 16.0


MOVES: dict[str, Callable[[Any, int, nn.Module], Any]] = {
    "append": lambda held, place, module: held.append(module),
    "insert": lambda held, place, module: held.insert(place, module),
    "set": lambda held, place, module: held.__setitem__(place, module),
    "pop": lambda held, place, module: held.pop(place),
    "delete": lambda held, place, module: held.__delitem__(place),
}


@given(st.lists(st.tuples(st.sampled_from(sorted(MOVES)), st.integers(-4, 4)), max_size=12))
def test_a_sequential_and_a_module_list_move_as_a_list_does(moves: list[tuple[str, int]]) -> None:
    wanted: list[nn.Module] = []
    containers: list[Any] = [nn.Sequential(), nn.ModuleList()]
    for word, place in moves:
        module = nn.Identity() if place % 2 else nn.ReLU()
        length = len(wanted)
        if word == "append" or -length <= place < length or (word == "insert" and place == length):
            for held in (wanted, *containers):
                MOVES[word](held, place, module)
        else:
            for container in containers:
                with pytest.raises(IndexError, match="out of range"):
                    MOVES[word](container, place, module)
    for container in containers:
        assert list(container) == wanted
        assert [name for name, _ in container.named_modules(remove_duplicate=False)][1:] == [
            str(i) for i in range(len(wanted))
        ]
        assert list(container[1:]) == wanted[1:]


def test_a_parameter_list_holds_parameters_on_the_memory_of_what_it_is_given() -> None:
    x = tg.ones(2)
    held = nn.ParameterList([x, 5])
    with tg.no_grad():
        held[0].fill_(3.0)
    assert x.tolist() == [3.0, 3.0]
    assert held[1] == 5
    (held[0] ** 2).sum().backward()
    assert held[0].grad.tolist() == [6.0, 6.0]


# --- side by side -----------------------------------------------------------------------------------------------------


def line(lib: Any) -> Any:
    nn = lib.nn
    return nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))


def called(lib: Any) -> Any:
    nn = lib.nn
    return nn.Sequential(OrderedDict(a=nn.Linear(2, 2), b=nn.ReLU(), c=nn.Linear(2, 2)))


def listed(lib: Any) -> Any:
    nn = lib.nn
    return nn.ModuleList([nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.Linear(2, 2)])


def known(lib: Any) -> Any:
    return lib.nn.ModuleDict({"b": lib.nn.Linear(2, 2), "a": lib.nn.ReLU()})


def weights(lib: Any) -> Any:
    return lib.nn.ParameterList([lib.ones(1), lib.nn.Parameter(lib.zeros(2, 3)), 5])


def named_weights(lib: Any) -> Any:
    return lib.nn.ParameterDict({"b": lib.ones(1), "a": lib.zeros(2, 3), "n": "text"})


def after(make: Callable[[Any], Any], change: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """What `make` makes, after `change`."""

    def run(lib: Any) -> Any:
        container = make(lib)
        change(container, lib)
        return container

    return run


def remove(container: Any, where: Any) -> None:
    del container[where]


OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "index": lambda lib: line(lib)[2],
    "negative index": lambda lib: line(lib)[-2],
    "index too high": lambda lib: line(lib)[5],
    "index too low": lambda lib: line(lib)[-4],
    "index by name": lambda lib: line(lib)["0"],
    "slice": lambda lib: line(lib)[1:],
    "slice of names": lambda lib: called(lib)[1:],
    "position of a name": lambda lib: called(lib)[1],
    "name as attribute": lambda lib: called(lib).b,
    "append": lambda lib: line(lib).append(lib.nn.Tanh()),
    "append to names": lambda lib: called(lib).append(lib.nn.Tanh()),
    "append a number": lambda lib: line(lib).append(3),
    "insert": lambda lib: line(lib).insert(1, lib.nn.Tanh()),
    "insert before the last": lambda lib: line(lib).insert(-1, lib.nn.Tanh()),
    "insert out of range": lambda lib: line(lib).insert(9, lib.nn.Tanh()),
    "extend": lambda lib: line(lib).extend([lib.nn.Tanh(), lib.nn.ReLU()]),
    "add": lambda lib: line(lib) + called(lib),
    "add a number": lambda lib: line(lib) + 3,
    "add a list": lambda lib: line(lib).__add__([lib.nn.ReLU()]),
    "times": lambda lib: line(lib) * 2,
    "times from the left": lambda lib: 2 * line(lib),
    "times nothing": lambda lib: line(lib) * 0,
    "times a word": lambda lib: line(lib) * "a",
    "add in place": lambda lib: line(lib).__iadd__(line(lib)),
    "times in place": lambda lib: line(lib).__imul__(2),
    "pop": lambda lib: line(lib).pop(1),
    "pop a slice": lambda lib: line(lib).pop(slice(0, 2)),
    "pop out of range": lambda lib: line(lib).pop(7),
    "what pop leaves": after(line, lambda m, lib: m.pop(0)),
    "what del leaves": after(line, lambda m, lib: remove(m, 1)),
    "what del of a slice leaves": after(line, lambda m, lib: remove(m, slice(0, 2))),
    "set": after(line, lambda m, lib: m.__setitem__(1, lib.nn.Tanh())),
    "set a name": after(called, lambda m, lib: m.__setitem__(1, lib.nn.Tanh())),
    "length": lambda lib: len(line(lib)),
    "a list is no module": lambda lib: lib.nn.Sequential([lib.nn.ReLU()]),
    "a number is no module": lambda lib: lib.nn.Sequential(3),
    "nothing": lambda lib: lib.nn.Sequential()(3),
    "list index": lambda lib: listed(lib)[-1],
    "list index out of range": lambda lib: listed(lib)[7],
    "list slice": lambda lib: listed(lib)[1:3],
    "list insert": after(listed, lambda m, lib: m.insert(1, lib.nn.Tanh())),
    "list append": lambda lib: listed(lib).append(lib.nn.Tanh()),
    "list append a number": lambda lib: listed(lib).append(3),
    "list extend": lambda lib: listed(lib).extend([lib.nn.Tanh()]),
    "list extend by a module": lambda lib: listed(lib).extend(lib.nn.ReLU()),
    "list add": lambda lib: listed(lib) + listed(lib),
    "list pop": lambda lib: listed(lib).pop(0),
    "what list pop leaves": after(listed, lambda m, lib: m.pop(-2)),
    "list call": lambda lib: listed(lib)(3),
    "list of nothing": lambda lib: lib.nn.ModuleList(),
    "list of none": lambda lib: lib.nn.ModuleList([None, lib.nn.ReLU()]),
    "list of nested": lambda lib: lib.nn.ModuleList([lib.nn.Sequential(lib.nn.Linear(1, 2)) for _ in range(3)]),
    "dict item": lambda lib: known(lib)["b"],
    "dict missing": lambda lib: known(lib)["c"],
    "dict attribute": lambda lib: known(lib).a,
    "dict keys": lambda lib: list(known(lib).keys()),
    "dict values": lambda lib: list(known(lib).values()),
    "dict items": lambda lib: list(known(lib).items()),
    "dict in": lambda lib: ("a" in known(lib), "c" in known(lib), len(known(lib))),
    "dict pop": lambda lib: known(lib).pop("b"),
    "dict del": after(known, lambda m, lib: remove(m, "b")),
    "dict clear": after(known, lambda m, lib: m.clear()),
    "dict update": after(known, lambda m, lib: m.update([("c", lib.nn.Tanh()), ("a", lib.nn.Sigmoid())])),
    "dict update by a number": lambda lib: known(lib).update(3),
    "dict update by singles": lambda lib: known(lib).update([["x"]]),
    "dict name with a dot": lambda lib: lib.nn.ModuleDict({"a.b": lib.nn.ReLU()}),
    "dict name taken": lambda lib: lib.nn.ModuleDict({"keys": lib.nn.ReLU()}),
    "dict name empty": lambda lib: lib.nn.ModuleDict({"": lib.nn.ReLU()}),
    "dict of a number": lambda lib: lib.nn.ModuleDict({"a": 3}),
    "dict by number": lambda lib: lib.nn.ModuleDict({1: lib.nn.ReLU()}),
    "parameters": weights,
    "parameters of nothing": lambda lib: lib.nn.ParameterList(),
    "parameters by index": lambda lib: weights(lib)[-2],
    "parameters out of range": lambda lib: weights(lib)[3],
    "parameters slice": lambda lib: weights(lib)[:1],
    "parameters append": lambda lib: weights(lib).append(lib.ones(2)),
    "parameters extend": lambda lib: weights(lib).extend([lib.ones(2), "x"]),
    "parameters extend by a tensor": lambda lib: weights(lib).extend(lib.ones(2)),
    "parameters set": after(weights, lambda m, lib: m.__setitem__(0, lib.ones(4))),
    "parameters call": lambda lib: weights(lib)(1),
    "parameters names": lambda lib: [name for name, _ in weights(lib).named_parameters()],
    "parameters state": lambda lib: list(weights(lib).state_dict()),
    "parameters of integers": lambda lib: lib.nn.ParameterList([lib.tensor(1)]),
    "parameters nested": lambda lib: lib.nn.ParameterList([lib.nn.ParameterList([lib.ones(1)]), lib.nn.ReLU()]),
    "named parameters": named_weights,
    "named parameters item": lambda lib: named_weights(lib)["b"],
    "named parameters missing": lambda lib: named_weights(lib)["c"],
    "named parameters keys": lambda lib: list(named_weights(lib).keys()),
    "named parameters values": lambda lib: list(named_weights(lib).values()),
    "named parameters reversed": lambda lib: list(reversed(named_weights(lib))),
    "named parameters pop": lambda lib: named_weights(lib).pop("b"),
    "named parameters popitem": lambda lib: named_weights(lib).popitem(),
    "named parameters after pop": after(named_weights, lambda m, lib: m.pop("b")),
    "named parameters get": lambda lib: named_weights(lib).get("c", 4),
    "named parameters setdefault": after(named_weights, lambda m, lib: m.setdefault("c", lib.ones(2))),
    "named parameters or": lambda lib: named_weights(lib) | lib.nn.ParameterDict({"c": lib.ones(2)}),
    "named parameters or in place": lambda lib: named_weights(lib).__ior__(lib.nn.ParameterDict({"c": lib.ones(2)})),
    "named parameters copy": lambda lib: named_weights(lib).copy(),
    "named parameters from keys": lambda lib: named_weights(lib).fromkeys(["z", "a"]),
    "named parameters clear": after(named_weights, lambda m, lib: m.clear()),
    "named parameters by number": lambda lib: lib.nn.ParameterDict({1: lib.ones(1)}),
    "named parameters with a dot": lambda lib: lib.nn.ParameterDict({"a.b": lib.ones(1)}),
    "named parameters taken": lambda lib: lib.nn.ParameterDict({"keys": lib.ones(1)}),
    "named parameters update by a number": lambda lib: named_weights(lib).update(3),
    "named parameters call": lambda lib: named_weights(lib)(1),
    "named parameters names": lambda lib: [name for name, _ in named_weights(lib).named_parameters()],
    "named parameters in order": lambda lib: lib.nn.ParameterDict([("z", lib.ones(1)), ("a", lib.ones(1))]),
}


def outcome(operation: Callable[[Any], Any], lib: Any) -> tuple[type, str]:
    """The class and the text of the result, or of the error its first words; the libraries' own names left out."""
    try:
        kind, text = object, repr(operation(lib))
    except Exception as error:  # noqa: BLE001 - whichever it is, it is compared
        kind, text = type(error), " ".join(str(error).split()[:4])
    for word in ("tensorgrad.", "torch.", "nn.modules.container.", "nn.containers.", '"', "'"):
        text = text.replace(word, "")
    return kind, text.replace("ParametersDict", "ParameterDict").lower()


def test_what_holds_no_modules_cannot_extend_a_container() -> None:
    with pytest.raises(
        TypeError, match=r"extend\(\): argument 'sequential' must be iterable of Module, not int: found 3"
    ):
        line(tg).extend(3)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_on_containers_has_pytorchs_result_or_error(name: str) -> None:
    torch = torch_()
    torch.manual_seed(0)
    (found, text), (wanted, expected) = outcome(OPERATIONS[name], tg), outcome(OPERATIONS[name], torch)
    assert text == expected
    assert issubclass(found, wanted)

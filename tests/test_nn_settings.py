"""Layers that declare their settings: parameters, attributes, text, errors, and what a subclass may do."""

from __future__ import annotations

import copy
import inspect
import pickle
import pydoc
from collections.abc import Iterator
from dataclasses import InitVar

import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.nn.module.settings import OfOneTensor, setting, settings


@settings
class Scale(nn.Module):
    """``factor * x + shift``."""

    factor: float
    shift: float = setting(default=0.0, shown="changed")
    twice: InitVar[bool] = False
    name: str = setting(default="scale", kw_only=True, shown="never")

    def _complete(self, twice: bool) -> None:
        self.factor = self.factor * 2 if twice else self.factor

    def forward(self, input: tg.Tensor) -> tg.Tensor:
        return input * self.factor + self.shift


def test_the_declaration_is_the_signature_and_help_shows_it() -> None:
    parameters = inspect.signature(Scale).parameters
    assert list(parameters) == ["factor", "shift", "twice", "name"]
    assert parameters["factor"].default is inspect.Parameter.empty
    assert (parameters["shift"].default, parameters["name"].kind) == (0.0, inspect.Parameter.KEYWORD_ONLY)
    assert parameters["twice"].annotation == "bool"
    assert "LeakyReLU(negative_slope: float = 0.01, inplace: bool = False)" in pydoc.render_doc(nn.LeakyReLU).replace(
        "'", ""
    )


def test_settings_are_attributes_and_those_for_the_start_are_not() -> None:
    layer = Scale(2.0, twice=True, name="x")
    assert (layer.factor, layer.shift, layer.name) == (4.0, 0.0, "x")
    assert not hasattr(layer, "twice")
    assert not hasattr(Scale, "shift")  # a parameter of this name would be hidden by it
    assert layer(tg.ones(1)).tolist() == [4.0]


def test_the_text_shows_what_is_to_be_shown() -> None:
    assert repr(Scale(2.0)) == "Scale(factor=2.0)"
    assert repr(Scale(2.0, 1.0, name="x")) == "Scale(factor=2.0, shift=1.0)"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Scale(), r"Scale.__init__\(\) missing a required argument: 'factor'"),
        (lambda: Scale(1, 2, False, "x"), r"Scale.__init__\(\) got too many positional arguments"),
        (lambda: Scale(1, facto=2), r"Scale.__init__\(\) got an unexpected keyword argument 'facto'"),
        (lambda: Scale(1, factor=2), r"Scale.__init__\(\) got multiple values for argument 'factor'"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(make, message) -> None:
    with pytest.raises(TypeError, match=message):
        make()


def test_a_subclass_of_the_user_is_an_ordinary_class() -> None:
    class Own(nn.LeakyReLU):
        extra: float = 3.0  # not a setting: the class is not decorated

        def __init__(self, width: int) -> None:
            super().__init__(0.5)
            self.fc = nn.Linear(width, width)

        def forward(self, input: tg.Tensor) -> tg.Tensor:
            return super().forward(self.fc(input)) * self.extra

    assert list(inspect.signature(Own).parameters) == ["width"]
    assert Own.extra == 3.0
    assert (Own(2).negative_slope, Own(2)(tg.ones(1, 2)).shape) == (0.5, (1, 2))
    assert repr(Own(2)).startswith("Own(\n  negative_slope=0.5\n  (fc): Linear(")


def test_a_declaration_again_changes_the_default_and_keeps_the_place() -> None:
    assert str(inspect.signature(nn.HingeEmbeddingLoss)).startswith("(margin: 'float' = 1.0, size_average")


def test_layers_with_settings_are_copied_and_pickled() -> None:
    for layer in (Scale(2.0), nn.Dropout(0.2), nn.Hardtanh(-2.0, 2.0), nn.Upsample(scale_factor=2)):
        for twin in (copy.copy(layer), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            assert repr(twin) == repr(layer)
            assert vars(twin).keys() == vars(layer).keys()


def _below(cls: type) -> Iterator[type]:
    for below in cls.__subclasses__():
        yield below
        yield from _below(below)


LAYERS = [cls for cls in _below(OfOneTensor) if hasattr(cls, "_function")]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda cls: cls.__name__)
def test_layers_of_one_tensor_declare_their_settings_in_the_order_of_their_function(layer) -> None:
    _, *parameters = inspect.signature(layer._function).parameters
    assert list(layer._held) == parameters[: len(layer._held)]

"""Random wrong calls of the whole surface end in reasons; and the mechanism that gives them, point by point."""

from __future__ import annotations

import inspect
import math
import pickle
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import data, nn, optim, viz
from tensorgrad.base.misfits import WrongTypeError
from tensorgrad.errors import ArgumentError, ShapeError, TensorgradError
from tensorgrad.utils.checkpoint import checkpoint
from tests import wrongcalls
from tests.wrongcalls import Callee, complaints

F = nn.functional


def test_two_thousand_random_calls_meet_no_internal_error() -> None:
    found = complaints(2000, seed=0)
    assert not found, "\n".join(f"{said}\n    {calls[0]}" for said, calls in found.items())


SWITCHES = (
    "detect_anomaly",
    "inference_mode",
    "set_detect_anomaly",
    "set_grad_enabled",
    "use_deterministic_algorithms",
)
KNOWN_LATER = (
    "AvgPool",
    "LPPool",
    "MaxPool",
    "Threshold",
    "viz.EdgeRecord",
    "tensorgrad.dtype",
)  # refused for what else is missing; NumPy's class


def flags_of(callee: Callee) -> set[str]:
    named = {p.name for p in callee.parameters if str(p.annotation) in ("bool", "bool | None", "<class 'bool'>")}
    creates = any(p.kind is p.VAR_KEYWORD and "Options" in str(p.annotation) for p in callee.parameters)
    return (named | {"requires_grad", "pin_memory"} if creates else named) - {"keepdims"}


def answer_to_flag(callee: Callee, flag: str) -> str:
    """What the callee says where `flag` is a text, and all else that it needs is something."""
    needed = [p for p in callee.parameters if p.default is p.empty and p.name != flag]
    something = tg.ones(2, 2, 2) if callee.name.endswith(("()", "_")) else None
    plain = {"bool": False, "int": 1, "float": 1.0, "str": "a"}
    given = {p.name: plain.get(str(p.annotation), something) for p in needed}
    args = [given[p.name] for p in needed if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    try:
        callee.get()(*args, **{p.name: given[p.name] for p in needed if p.kind is p.KEYWORD_ONLY}, **{flag: "False"})
    except (TypeError, ValueError) as error:
        return str(error)
    return "accepted"


@pytest.mark.filterwarnings("ignore:size_average and reduce args")
def test_every_flag_of_the_surface_refuses_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrongcalls, "LEFT_OUT", wrongcalls.LEFT_OUT - {*SWITCHES})
    asked = [
        (c, flag) for c in wrongcalls.surface() if not any(k in c.name for k in KNOWN_LATER) for flag in flags_of(c)
    ]
    said = {f"{c.name} {flag}": answer_to_flag(c, flag) for c, flag in asked}
    assert len(said) > 550
    wrong = {
        k: v for k, v in said.items() if not re.search(rf"{k.split()[1]}'? must be (a )?bool( or None)?, not str", v)
    }
    assert wrong == {}
    assert (tg.is_grad_enabled(), tg.autograd.is_anomaly_enabled()) == (True, False)


def test_a_flag_is_a_boolean_or_0_or_1_by_name_or_by_place() -> None:
    x = tg.ones(2, 3)
    assert x.sum(0, np.True_).shape == x.sum(0, keepdim=1).shape == (1, 3)
    for call in (lambda: x.sum(0, "False"), lambda: x.sum(0, keepdims="no"), lambda: x.sum(0, 2), lambda: x.max(1, x)):
        with pytest.raises(TypeError, match=r"(sum|max)\(\): argument 'keepdim' must be bool"):
            call()


def test_the_argument_that_does_not_fit_is_named_with_what_it_should_be() -> None:
    x = tg.ones(2, 3)
    with pytest.raises(TypeError, match=r"sum\(\): argument 'dim' must be int, sequence of int or None, not str: "):
        x.sum("a")
    with pytest.raises(
        TypeError, match=r"relu\(\): argument 'input' \(position 1\) must be Tensor, not numpy.ndarray: "
    ):
        F.relu(np.ones(2))
    with pytest.raises(
        TypeError, match=r"Adam\(\): argument 'betas' must be pair of float or Tensor, not tuple: found "
    ):
        optim.Adam([tg.ones(1, requires_grad=True)], betas=(0.9,))


@pytest.mark.parametrize(
    "call",
    [lambda a: F.mse_loss(tg.ones(2), a), lambda a: nn.ReLU()(a), lambda a: F.relu(input=a), lambda a: nn.Tanh()(a)],
    ids=["second", "layer", "by name", "primitive"],
)
def test_an_array_is_no_tensor_anywhere_in_nn(call: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"must be Tensor, not numpy.ndarray: tensorgrad.from_numpy makes it one"):
        call(np.ones(2, np.float32))


def test_the_outermost_function_answers_and_the_first_error_is_its_cause() -> None:
    with pytest.raises(WrongTypeError, match=r"^cdist\(\): argument 'p' must be float, not str: found 'a'") as caught:
        tg.cdist(tg.ones(2, 2), tg.ones(2, 2), "a")
    assert "could not convert" in str(caught.value.__cause__)


def test_arguments_that_fit_each_and_make_no_call_are_all_told() -> None:
    with pytest.raises(
        ShapeError, match=r"^linear\(\) cannot take input=Tensor float32\[2, 3\], weight=.*bias=Tensor float32\[5\]: op"
    ):
        F.linear(tg.ones(2, 3), tg.ones(2, 3), tg.ones(5))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: nn.Sequential(nn.Linear(2, 3), nn.ReLU())(np.ones((1, 2))),
            r"Linear\(\): argument 'input' .* must be T",
        ),
        (lambda: nn.Sequential(nn.Sequential(nn.ReLU()))(None), r"ReLU\(\): argument 'input' .* not NoneType"),
        (lambda: nn.Sequential(nn.Bilinear(2, 2, 2))(tg.ones(2)), r"Bilinear.forward\(\) missing 1 .* 'input2'"),
        (lambda: nn.MSELoss()(tg.ones(2)), r"^MSELoss.forward\(\) missing 1 required positional argument: 'target'"),
        (lambda: viz.draw(nn.LSTM(2, 3), None), r"LSTM\(\): argument 'input' .* not NoneType"),
        (lambda: viz.draw(nn.Linear(2, 3), np.ones((1, 2))), r"Linear\(\): argument 'input' .* not numpy.ndarray"),
    ],
)
def test_a_module_inside_a_model_answers_for_what_it_got(call: Callable[[], Any], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        call()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: F.interpolate(tg.ones(1, 2, 4, 4), scale_factor=0),
            "'scale_factor' cannot be 0 here: float division by",
        ),
        (lambda: optim.SGD([nn.Parameter(tg.ones(1))], 0.1).load_state_dict({}), "'state_dict' has no 'param_groups'"),
        (lambda: tg.func.functional_call(3, {}), "argument 'module' cannot be 3 here: 'int' object has no attribute"),
        (lambda: F.channel_shuffle(tg.ones(3), 1), r"argument 'input' cannot be Tensor float32\[3\] here: not enough"),
        (
            lambda: tg.ones(2, 3).take_along_dim(tg.tensor([0, 1]), 0),
            r"cannot take input=.*\[2, 3\], indices=.*\[2\], ",
        ),
    ],
)
def test_where_every_annotation_fits_the_argument_is_named_that_the_error_is_about(
    call: Callable[[], Any], said: str
) -> None:
    with pytest.raises(TensorgradError, match=said):
        call()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: F.huber_loss(tg.ones(2), tg.ones(2), delta=math.nan),
            r"huber_loss\(\): argument 'delta' must be float, not nan",
        ),
        (lambda: nn.SmoothL1Loss(beta=math.nan), "'beta' must be float, not nan"),
        (
            lambda: optim.Adam([nn.Parameter(tg.ones(1))], betas=(0.9, math.nan)),
            "Invalid beta parameter at index 1: nan",
        ),
        (lambda: nn.init.xavier_uniform_(tg.ones(2, 2), math.nan), "'gain' must be float, not nan"),
        (lambda: F.batch_norm(tg.ones(2, 2), None, None, training=None), "'training' must be bool, not NoneType"),
        (lambda: nn.LSTM(2, 3, bidirectional=None), "'bidirectional' must be bool, not NoneType"),
        (lambda: F.one_hot(tg.tensor([0]), 2.5), "'num_classes' must be int, not float: found 2.5"),
        (lambda: F.softmax(tg.ones(2, 2), dim=True), "'dim' must be int or None, not bool: found True"),
        (lambda: F.linear(tg.ones(2, 2), tg.ones(2, 2), -1), "'bias' must be Tensor or None, not int"),
    ],
)
def test_what_would_compute_in_silence_is_refused_before_the_call(call: Callable[[], Any], said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        call()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: tg.ones(3).quantile(math.nan), r"quantile\(\) q must be in the range"),
        (lambda: F.cosine_similarity(tg.ones(1, 2), tg.ones(1, 2), eps=-1), "eps must not be negative"),
        (lambda: F.pdist(tg.ones(2, 2), -1), "pdist only supports non-negative p"),
        (lambda: F.unfold(tg.ones(1, 1, 4, 4), 2, padding=-1), "unfold: padding should be non-negative"),
        (lambda: F.adaptive_avg_pool1d(tg.ones(1, 1, 4), -1), "elements of output_size must not be negative"),
        (lambda: nn.init.uniform_(tg.ones(1), 0, math.inf), "a finite one, but found"),
        (lambda: tg.ones(2).uniform_(-math.inf, 0), "a finite one, but found"),
        (lambda: tg.ones(2).fill_(None), r"fill_\(\): argument 'value' must be .* not NoneType"),
        (lambda: tg.set_printoptions(precision=-1), "precision must be a whole number from 0"),
        (lambda: tg.set_num_threads(1.5), "set_num_threads expects a positive integer"),
        (lambda: tg.autograd.grad(tg.ones(1, requires_grad=True).sum(), []), "grad requires non-empty inputs"),
        (lambda: checkpoint(3), r"checkpoint\(\): argument 'function' must be function, not int"),
    ],
)
def test_a_number_that_would_make_nonsense_is_refused(call: Callable[[], Any], said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        call()


def test_what_comes_late_says_where_it_comes_from(tmp_path: Path) -> None:
    with pytest.raises(KeyError) as caught:
        list(data.DataLoader({"a": 1}))
    assert caught.value.__notes__ == ["in DataLoader, which asked the data set (dict) for [0]"]
    with pytest.raises(ValueError, match="size or scale_factor") as misused:
        nn.Sequential(nn.Sequential(nn.UpsamplingNearest2d()))(tg.ones(1, 1, 2, 2))
    assert misused.value.__notes__ == ["in the call of UpsamplingNearest2d()"]
    with pytest.raises(FileNotFoundError) as missing:
        viz.draw(nn.ReLU(), tg.ones(2)).save(tmp_path / "nowhere" / "a.svg")
    assert missing.value.filename == str(tmp_path / "nowhere" / "a.svg")


def test_nan_may_fill_and_none_may_stand_for_no_bias() -> None:
    assert nn.ConstantPad1d(1, math.nan)(tg.ones(1, 1)).isnan().sum() == 2
    assert F.pad(tg.ones(1), (1, 0), value=math.nan)[0].isnan()
    assert nn.init.constant_(tg.ones(1), math.nan).isnan()
    assert nn.Linear(2, 2, bias=None).bias is None
    assert nn.Conv1d(2, 2, 1, bias=None).bias is None


def test_an_error_of_the_users_own_code_passes_as_it_is() -> None:
    class Own(nn.Module):
        def forward(self, x: Any) -> Any:
            return x.no_such_thing

    for call in (lambda: nn.Sequential(Own())(tg.ones(2)), lambda: tg.func.grad(lambda x: {}[x])(tg.ones(()))):
        with pytest.raises((AttributeError, KeyError)) as caught:
            call()
        assert type(caught.value) is KeyError or "no_such_thing" in str(caught.value)
        assert caught.value.__cause__ is None


def test_a_deliberate_error_stays_and_a_note_says_which_function_was_called() -> None:
    with pytest.raises(ValueError, match="dropout probability") as caught:
        nn.Dropout(1.5)
    assert caught.value.__notes__ == ["in the call of Dropout()"]


def test_what_nobody_inside_refuses_is_refused_when_something_is_made() -> None:
    with pytest.raises(TypeError, match=r"LSTM\(\): argument 'bias' must be bool, not str: found 'a'"):
        nn.LSTM(3, 2, bias="a")
    assert nn.Linear(3, 2, bias=0).bias is None  # as scripts write it


def test_a_wrapped_function_shows_its_own_signature_and_name() -> None:
    assert list(inspect.signature(F.linear).parameters) == ["input", "weight", "bias"]
    assert (F.linear.__name__, F.linear.__module__) == ("linear", "tensorgrad.nn.functional")
    assert pickle.loads(pickle.dumps(F.linear)) is F.linear
    assert list(inspect.signature(nn.Linear).parameters)[:2] == ["in_features", "out_features"]


def test_a_warning_stands_at_the_line_of_the_script_however_deep_it_arises() -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        nn.Sequential(nn.Softmax())(tg.ones(2, 2))
        F.mse_loss(tg.ones(2), tg.ones(2, 1))
        nn.Sequential(nn.Dropout2d())(tg.ones(2, 2))
    assert len(told) == 3
    assert {w.filename for w in told} == {__file__}


def step_with(loss: Any) -> Callable[[], Any]:
    return lambda: optim.LBFGS([nn.Parameter(tg.ones(2))]).step(lambda: loss)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (step_with(None), r"LBFGS.step\(\): the closure must return the loss, a number, not NoneType"),
        (step_with("a"), "the closure must return the loss, a number, not str: found 'a'"),
        (lambda: nn.GroupNorm(0, 3), r"num_channels \(3\) must be divisible by num_groups \(0\)"),
        (lambda: nn.GroupNorm(-1, 3), "which must be positive"),
        (lambda: nn.Conv2d(1, 2, 0), "kernel_size must be positive, but got kernel_size=0"),
        (lambda: F.conv2d(tg.ones(1, 1, 3, 3), tg.ones(1, 1, 0, 2)), "kernel size should be greater than zero"),
        (lambda: tg.ones(3)["a":], r"slice indices must be integers or None .*\(got str\)"),
        (lambda: tg.no_grad(3), r"no_grad\(\) takes a function to decorate, or no argument, not int: found 3"),
        (lambda: tg.enable_grad(mode=True), r"enable_grad\(\) takes a function .* not mode"),
        (lambda: nn.TripletMarginLoss(margin=-1), "TripletMarginLoss: expected margin to be greater than 0, got -1"),
        (lambda: nn.TripletMarginWithDistanceLoss(margin=0.0), "expected margin to be greater than 0"),
        (lambda: F.triplet_margin_loss(*[tg.ones(1, 2)] * 3, margin=-1.0), "expected margin to be greater than 0"),
        (lambda: nn.MultiMarginLoss(p=3), "only p == 1 and p == 2 supported"),
        (lambda: nn.Buffer(tg.ones(1), persistent="no"), r"Buffer\(\): argument 'persistent' must be bool, not str"),
        (lambda: tg.ones(0).quantile(0.5), r"quantile\(\) input tensor must be non-empty"),
        (lambda: tg.ones(0, 3).amax(0), r"amax\(\): Expected reduction dim to have non-zero size"),
        (lambda: tg.ones(3).clamp(), r"^clamp: At least one of 'min' or 'max' must not be None"),
        (lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(2, 1, 2), 10**20), "num_layers must be a number of"),
        *[
            (lambda f=f: f(tg.ones(2, 4), eps=-1e-3), f"{name} eps must not be negative, but got -0.001")
            for name, f in {
                "layer_norm": lambda x, eps: F.layer_norm(x, (4,), eps=eps),
                "group_norm": lambda x, eps: F.group_norm(x, 2, eps=eps),
                "rms_norm": lambda x, eps: F.rms_norm(x, (4,), eps=eps),
            }.items()
        ],
    ],
)
def test_a_value_that_cannot_be_is_refused_in_words_for_users(call: Callable[[], Any], said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: tg.arange(0, 3, 0),
        lambda: tg.randint(3, 3, (2,)),
        lambda: tg.multinomial(tg.tensor([-1.0, 1.0]), 1),
        lambda: tg.normal(0.0, -1.0, (2,)),
        lambda: tg.bernoulli(tg.tensor([2.0])),
    ],
    ids=["arange", "randint", "multinomial", "normal", "bernoulli"],
)
def test_a_number_that_is_out_of_range_is_no_shape(call: Callable[[], Any]) -> None:
    with pytest.raises(ArgumentError):
        call()


class Needy(tg.nn.Module):
    def forward(self, x: tg.Tensor, more: tg.Tensor) -> tg.Tensor:
        return x + more


def hooked() -> None:
    y = tg.ones(2, requires_grad=True) * 2
    y.register_hook(lambda: None)
    y.sum().backward()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (hooked, "takes 0 positional arguments but 1 was given"),
        (lambda: tg.nn.Sequential(Needy())(tg.ones(2)), "Needy.forward"),
        (lambda: tg.optim.SGD([tg.ones(2, requires_grad=True)], lr=0.1).step(lambda a: a), "missing 1 required"),
    ],
    ids=["hook", "layer", "closure"],
)
def test_a_function_of_the_users_that_cannot_be_called_is_no_wrong_argument(call: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said) as raised:
        call()
    assert type(raised.value) is TypeError

"""The adaptive softmax: PyTorch's; probabilities that sum to 1; what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import ArgumentError, RangeError, ShapeError
from tests.peer import close, same_module, torch_

R = np.random.default_rng(23)
CLASSES = np.array([0, 3, 4, 11, 7, 2, 9])


@pytest.mark.parametrize("options", [{}, {"div_value": 2.0, "head_bias": True}], ids=str)
@pytest.mark.parametrize("cutoffs", [[3], [2, 5, 8]])
def test_the_layer_is_pytorchs_in_text_state_value_and_two_derivatives(cutoffs: list[int], options: Any) -> None:
    same_module(
        lambda lib: lib.AdaptiveLogSoftmaxWithLoss(64, 12, cutoffs, **options), R.normal(size=(7, 64)), CLASSES,
        rtol=1e-9,
    )  # fmt: skip


def test_the_probabilities_of_all_classes_and_the_likeliest_are_pytorchs() -> None:
    torch = torch_()
    ours, theirs = (lib.nn.AdaptiveLogSoftmaxWithLoss(16, 12, [2, 5]).double() for lib in (tg, torch))
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    x = R.normal(size=(9, 16))
    close(ours.log_prob(tg.tensor(x)), theirs.log_prob(torch.tensor(x)))
    assert ours.predict(tg.tensor(x)).tolist() == theirs.predict(torch.tensor(x)).tolist()
    alone = [layer(lib.tensor(x[0]), lib.tensor(7)) for layer, lib in ((ours, tg), (theirs, torch))]
    for a, b in zip(*alone, strict=True):
        close(a, b)


def test_the_output_is_the_log_probability_of_the_target_and_all_sum_to_1() -> None:
    layer, x = nn.AdaptiveLogSoftmaxWithLoss(16, 12, [2, 5]).double(), tg.tensor(R.normal(size=(7, 16)))
    everything = layer.log_prob(x)
    close(everything.exp().sum(1), np.ones(7))
    output, loss = layer(x, tg.tensor(CLASSES))
    close(output, everything.detach().numpy()[np.arange(7), CLASSES])
    close(loss, -output.detach().numpy().mean())


def test_what_does_not_fit_is_refused() -> None:
    for cutoffs in ([], [3, 2], [0, 3], [3, 12], [2, 2], [1.5]):
        with pytest.raises(ArgumentError, match="unique, positive integers"):
            nn.AdaptiveLogSoftmaxWithLoss(16, 12, cutoffs)
    layer = nn.AdaptiveLogSoftmaxWithLoss(16, 12, [2])
    with pytest.raises(RangeError, match=r"in \[0, 11\], but values in range \[3, 12\]"):
        layer(tg.ones(2, 16), tg.tensor([3, 12]))
    with pytest.raises(ShapeError, match="one class for each row"):
        layer(tg.ones(2, 16), tg.tensor([3]))
    with pytest.raises(ShapeError, match=r"found \[1, 2, 16\]"):
        layer.log_prob(tg.ones(1, 2, 16))

"""The chapter's network beside its formulas: steps of training, written in NumPy from the equations of the book."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, optim
from tensorgrad.chapter6.network import MultiLayerNet

INPUTS, HIDDEN, BATCH, EPS = 12, 2, 9, 1e-6


class Formulas:
    """Affine, BatchNorm, relu, Dropout; softmax and cross entropy; forward and backward by hand, in float64."""

    def __init__(self, net: MultiLayerNet, batchnorm: bool, ratio: float, decay: float) -> None:
        self.batchnorm, self.ratio, self.decay = batchnorm, ratio, decay
        self.params = {name: p.detach().numpy().copy() for name, p in net.named_parameters()}
        self.affine = [f"layers.{i}" for i, layer in enumerate(net.layers) if isinstance(layer, nn.Linear)]
        self.norms = [f"layers.{i}" for i, layer in enumerate(net.layers) if isinstance(layer, nn.BatchNorm1d)]
        self.mean = {name: np.zeros(100) for name in self.norms}
        self.var = {name: np.zeros(100) for name in self.norms}

    def forward(self, x: np.ndarray, masks: list[np.ndarray] | None) -> np.ndarray:
        """Scores; with `masks` in training mode, with None in evaluation mode. Keeps what backward needs."""
        self.kept: list[dict] = []
        for i, name in enumerate(self.affine):
            kept = {"x": x}
            x = x @ self.params[f"{name}.weight"].T + self.params[f"{name}.bias"]
            if name != self.affine[-1]:
                if self.batchnorm:
                    norm = self.norms[i]
                    if masks is None:
                        mu, var = self.mean[norm], self.var[norm]
                    else:
                        mu, var = x.mean(0), ((x - x.mean(0)) ** 2).mean(0)  # biased
                        self.mean[norm] = 0.9 * self.mean[norm] + 0.1 * mu
                        self.var[norm] = 0.9 * self.var[norm] + 0.1 * var
                    kept |= {"xc": x - mu, "std": np.sqrt(var + EPS)}
                    kept["xhat"] = kept["xc"] / kept["std"]
                    x = self.params[f"{norm}.weight"] * kept["xhat"] + self.params[f"{norm}.bias"]
                kept["relu"] = x > 0
                x = x * kept["relu"]
                if self.ratio:
                    kept["mask"] = masks[i] if masks is not None else None
                    x = x * (masks[i] if masks is not None else 1 - self.ratio)
            self.kept.append(kept)
        return x

    def gradients(self, x: np.ndarray, t: np.ndarray, masks: list[np.ndarray]) -> tuple[float, dict[str, np.ndarray]]:
        """The loss with its decay, and its gradients."""
        scores = self.forward(x, masks)
        p = np.exp(scores - scores.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        loss = -np.log(p[np.arange(len(t)), t]).mean()
        loss += sum(0.5 * self.decay * (self.params[f"{name}.weight"] ** 2).sum() for name in self.affine)
        g = p.copy()
        g[np.arange(len(t)), t] -= 1
        g /= len(t)
        grads: dict[str, np.ndarray] = {}
        for i in reversed(range(len(self.affine))):
            name, kept = self.affine[i], self.kept[i]
            if name != self.affine[-1]:
                if self.ratio:
                    g = g * kept["mask"]
                g = g * kept["relu"]
                if self.batchnorm:
                    norm, n = self.norms[i], len(g)
                    grads[f"{norm}.bias"] = g.sum(0)
                    grads[f"{norm}.weight"] = (kept["xhat"] * g).sum(0)
                    dxhat = self.params[f"{norm}.weight"] * g
                    dxc = dxhat / kept["std"]
                    dstd = -(dxhat * kept["xc"] / kept["std"] ** 2).sum(0)
                    dxc = dxc + 2 / n * kept["xc"] * (0.5 * dstd / kept["std"])
                    g = dxc - dxc.sum(0) / n
            grads[f"{name}.weight"] = g.T @ kept["x"] + self.decay * self.params[f"{name}.weight"]
            grads[f"{name}.bias"] = g.sum(0)
            g = g @ self.params[f"{name}.weight"]
        return loss, grads


class Rule:
    """The four update rules of the chapter."""

    def __init__(self, name: str) -> None:
        self.name, self.a, self.b, self.t = name, {}, {}, 0

    def step(self, params: dict[str, np.ndarray], grads: dict[str, np.ndarray]) -> None:
        self.t += 1
        for name, g in grads.items():
            a, b = self.a.setdefault(name, np.zeros_like(g)), self.b.setdefault(name, np.zeros_like(g))
            if self.name == "SGD":
                params[name] -= 0.01 * g
            elif self.name == "Momentum":
                a[...] = 0.9 * a - 0.01 * g
                params[name] += a
            elif self.name == "AdaGrad":
                a += g * g
                params[name] -= 0.01 * g / (np.sqrt(a) + 1e-7)
            else:
                a += (1 - 0.9) * (g - a)
                b += (1 - 0.999) * (g * g - b)
                rate = 0.001 * np.sqrt(1 - 0.999**self.t) / (1 - 0.9**self.t)
                params[name] -= rate * a / (np.sqrt(b) + 1e-7)


OPTIMIZERS = {
    "SGD": lambda groups: optim.SGD(groups, lr=0.01, convention="book"),
    "Momentum": lambda groups: optim.SGD(groups, lr=0.01, momentum=0.9, convention="book"),
    "AdaGrad": lambda groups: optim.Adagrad(groups, lr=0.01, convention="book"),
    "Adam": lambda groups: optim.Adam(groups, lr=0.001, convention="book"),
}


def given(net: MultiLayerNet, masks: list[np.ndarray]) -> None:
    """Let the Dropouts of `net` switch off what `masks` do, by the generator that they ask."""
    drops = [layer for layer in net.layers if isinstance(layer, nn.Dropout)]
    for drop, mask in zip(drops, masks, strict=True):
        drop.forward = lambda x, mask=mask: x * tg.tensor(mask)


@pytest.mark.parametrize("rule", OPTIMIZERS)
@pytest.mark.parametrize(
    ("batchnorm", "ratio", "decay"), list(itertools.product([False, True], [0.0, 0.2], [0.0, 0.1]))
)
def test_steps_of_training_are_those_of_the_formulas(rule, batchnorm, ratio, decay) -> None:
    tg.manual_seed(0)
    net = MultiLayerNet(INPUTS, HIDDEN, "he", batchnorm=batchnorm, dropout=ratio).double()
    formulas = Formulas(net, batchnorm, ratio, decay)
    groups = [
        {"params": [layer.weight for layer in net.affine()], "weight_decay": decay},
        {"params": [p for name, p in net.named_parameters() if name not in {f"{a}.weight" for a in formulas.affine}]},
    ]
    optimizer, update = OPTIMIZERS[rule](groups), Rule(rule)
    rng = np.random.default_rng(1)
    for _ in range(3):
        x, t = rng.random((BATCH, INPUTS)), rng.integers(0, 10, BATCH)
        masks = [(rng.random((BATCH, 100)) > ratio).astype(float) for _ in range(HIDDEN)]
        if ratio:
            given(net, masks)
        optimizer.zero_grad()
        data_loss = nn.functional.cross_entropy(net(tg.tensor(x)), tg.tensor(t))
        penalty = sum(0.5 * decay * (layer.weight**2).sum().item() for layer in net.affine())
        data_loss.backward()
        loss, grads = formulas.gradients(x, t, masks)
        np.testing.assert_allclose(data_loss.item() + penalty, loss, rtol=1e-12, equal_nan=False)
        optimizer.step()
        update.step(formulas.params, grads)
        for name, p in net.named_parameters():
            # a bias before a BatchNorm has the gradient 0: what is left is rounding, which AdaGrad and Adam divide by
            # 1e-7 and its own size
            without_effect = batchnorm and name in {f"{a}.bias" for a in formulas.affine[:-1]}
            near = 1e-9 if without_effect else 1e-12
            np.testing.assert_allclose(
                p.detach().numpy(), formulas.params[name], rtol=1e-12, atol=near, equal_nan=False
            )


@pytest.mark.parametrize("batchnorm", [False, True])
def test_the_dropouts_and_batchnorms_of_evaluation_are_those_of_the_formulas(batchnorm) -> None:
    tg.manual_seed(0)
    net = MultiLayerNet(INPUTS, HIDDEN, "xavier", batchnorm=batchnorm, dropout=0.2).double()
    formulas = Formulas(net, batchnorm, 0.2, 0.0)
    x = np.random.default_rng(2).random((BATCH, INPUTS))
    net(tg.tensor(x))  # the running statistics move
    with_all = Formulas(net, batchnorm, 0.0, 0.0)
    drawn = [layer for layer in net.layers if isinstance(layer, nn.BatchNorm1d)]
    for name, layer in zip(formulas.norms, drawn, strict=True):
        formulas.mean[name], formulas.var[name] = layer.running_mean.numpy(), layer.running_var.numpy()
    if drawn:
        assert np.abs(formulas.mean[formulas.norms[0]]).max() > 0
        with_all.forward(x, [np.ones((BATCH, 100))] * HIDDEN)
        np.testing.assert_allclose(with_all.mean[formulas.norms[0]], formulas.mean[formulas.norms[0]], rtol=1e-12)
        np.testing.assert_allclose(with_all.var[formulas.norms[0]], formulas.var[formulas.norms[0]], rtol=1e-12)
    net.eval()
    np.testing.assert_allclose(
        net(tg.tensor(x)).detach().numpy(), formulas.forward(x, None), rtol=1e-12, equal_nan=False
    )


def test_a_mask_switches_off_its_ratio_and_scales_nothing_in_training() -> None:
    tg.manual_seed(0)
    y = nn.Dropout(0.2, convention="book")(tg.ones(100, 100))
    assert set(np.unique(y.numpy())) == {0.0, 1.0}
    assert abs(float((y == 0).float().mean()) - 0.2) < 0.02

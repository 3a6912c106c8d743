"""Networks that are trained as they are and compiled, from one seed, and all that is compared after each step."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import tensorgrad as tg
from tensorgrad import nn, optim
from tensorgrad.nn.functional import cross_entropy, mse_loss

Args = tuple[Any, ...]
Meddle = Callable[["Run", int], None]
"""What happens to a training before the step of that number."""


@dataclass
class Run:
    """A training: what one step is, what it is given, and the modules and optimisers that it changes."""

    step: Callable[..., Any]
    given: Callable[[int], Args]
    modules: list[nn.Module] = field(default_factory=list)
    optimizers: list[Any] = field(default_factory=list)
    schedules: list[Any] = field(default_factory=list)
    compiled: Any = None
    log: list[Any] = field(default_factory=list)

    def state(self) -> Iterator[tuple[str, Any]]:
        """Yield all that a step may leave behind, by name, and as bytes."""
        for i, module in enumerate(self.modules):
            for name, p in module.named_parameters():
                yield f"{i}.{name}", bits(p)
                yield f"{i}.{name}.grad", bits(p.grad)
            for name, b in module.named_buffers():
                yield f"{i}.{name}", bits(b)
        for i, thing in enumerate((*self.optimizers, *self.schedules)):
            yield f"state {i}", bits(thing.state_dict())
        yield "random numbers", bits(tg.get_rng_state())


@dataclass(eq=False)
class Numbers:
    """Numbers of an array, of a kind, equal to others to the last bit, or where those are nearer than `LIMITS` says."""

    kind: tuple[Any, ...]
    array: Any

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Numbers) or other.kind != self.kind:
            return False
        a, b = self.array, other.array
        if a.shape != b.shape or a.dtype != b.dtype:
            return False
        limit = LIMITS.get(a.dtype.name, 0.0)
        if a.tobytes() == b.tobytes() or not limit:
            return bool(a.tobytes() == b.tobytes())
        with np.errstate(all="ignore"):
            scale = np.max(np.abs(a[np.isfinite(a)]), initial=1e-3)
        return bool(np.allclose(a, b, rtol=limit, atol=limit * scale, equal_nan=True))

    __hash__ = None  # type: ignore[assignment]


LIMITS: dict[str, float] = {}
"""How near numbers of a dtype have to be to count as equal: filled while a backend is tried that rounds otherwise."""


def bits(value: Any) -> Any:
    """Return what is equal only for values equal to the last bit, of the same kinds, layouts aside."""
    if isinstance(value, tg.Tensor):
        history = value.requires_grad, value.is_leaf, value.grad_fn is None
        return Numbers((type(value).__name__, *history), value.array.copy())
    if isinstance(value, np.ndarray | np.generic):
        return Numbers((type(value).__name__,), np.array(value))
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, Mapping):
        return {k: bits(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return type(value).__name__, [bits(v) for v in value]
    return value


def history(run: Run, steps: int, meddle: Meddle | None) -> list[dict[str, Any]]:
    """Return, after each step, all that it has left behind."""
    found = []
    kept = []
    for k in range(steps):
        if meddle is not None:
            meddle(run, k)
        result = run.step(*run.given(k))
        kept.append((result, bits(result)))
        found.append({"result": bits(result), **dict(run.state())})
    assert all(bits(result) == before for result, before in kept), "what was returned has been written later"
    return found


def compare(
    backend: str,
    build: Callable[[], Run],
    steps: int = 20,
    meddle: Meddle | None = None,
    fullgraph: bool = True,
    dtype: Any = None,
) -> Any:
    """Assert that a training leaves the same behind after each step as it is, and compiled; return the Compiled.

    Where a backend rounds otherwise, the numbers are doubles: optimisers divide by what may be nothing but rounding.
    """
    before = tg.get_default_dtype()
    tg.set_default_dtype(dtype or (tg.float64 if LIMITS else before))
    try:
        tg.manual_seed(0)
        eager = history(build(), steps, meddle)
        tg.manual_seed(0)
        run = build()
        run.compiled = run.step = tg.compile(run.step, backend=backend, fullgraph=fullgraph)
        planned = history(run, steps, meddle)
    finally:
        tg.set_default_dtype(before)
    for k, (a, b) in enumerate(zip(eager, planned, strict=True)):
        different = [name for name in {**a, **b} if name not in a or name not in b or a[name] != b[name]]
        assert not different, f"after step {k}: {different[:6]}; {shown(a, different)}; {shown(b, different)}"
    return run.compiled


def shown(state: dict[str, Any], names: list[str]) -> str:
    """Return the first of what differs, for a message."""
    return repr(state.get(names[0], "nothing"))[:80]


def planned(compiled: Any, calls: int, kinds: int = 1) -> None:
    """Assert that all but three calls of each kind were answered by plans."""
    assert not compiled.reasons, compiled.reasons
    assert compiled.captures <= 3 * kinds, f"{compiled.captures} captures"
    assert compiled.runs == calls - compiled.captures, (
        f"{compiled.runs} runs, {compiled.captures} captures, {calls} calls"
    )


def batches(*shape: int, classes: int = 0, high: int = 0) -> Callable[[int], Args]:
    """Return what gives a new batch at each step: numbers, or integers below `high`, and labels of so many classes."""

    def given(k: int) -> Args:
        numbers = np.random.default_rng(k)
        x = numbers.integers(high, size=shape) if high else numbers.normal(size=shape)
        x = tg.tensor(x, dtype=tg.int64 if high else tg.get_default_dtype())
        return (x, tg.tensor(numbers.integers(classes, size=shape[0]))) if classes else (x,)

    return given


def classifier(
    model: nn.Module,
    given: Callable[[int], Args],
    make: Callable[..., Any],
    clip: float = 0.0,
    loss: Any = cross_entropy,
) -> Run:
    """Return the training of a classifier."""
    optimizer = make(model.parameters())

    def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad()
        value = loss(model(x), y)
        value.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        return value

    return Run(step, given, [model], [optimizer])


def mlp(*, normal: bool = True, drop: float = 0.2, activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Module:
    """Return a network of the chapter: layers, each normalised, activated, and dropped out."""
    layers: list[nn.Module] = []
    for _ in range(3):
        layers += [nn.Linear(12, 12), *([nn.BatchNorm1d(12)] if normal else []), activation()]
        layers += [nn.Dropout(drop)] if drop else []
    return nn.Sequential(*layers, nn.Linear(12, 4))


def of_optimizer(name: str, **settings: Any) -> Run:
    """Return the training of an MLP with that optimiser.

    What is added before a BatchNorm has a gradient of nothing but rounding, and some optimisers divide by its size: for
    them and a backend that rounds otherwise there is no BatchNorm.
    """
    normal = not (LIMITS and name in ("Adagrad", "RMSprop", "Rprop"))
    return classifier(mlp(normal=normal), batches(16, 12, classes=4), lambda p: getattr(optim, name)(p, **settings))


def convolutional() -> Run:
    """Return the training of a small CNN."""
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, stride=2), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(6, 4),
    )  # fmt: skip
    return classifier(model, batches(5, 2, 12, 12, classes=4), lambda p: optim.SGD(p, lr=0.1, momentum=0.9))


class Recurrent(nn.Module):
    """The last output of an LSTM, as scores."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.layer = getattr(nn, kind)(6, 8, num_layers=2, batch_first=True, dropout=0.1, bidirectional=True)
        self.scores = nn.Linear(16, 4)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.scores(self.layer(x)[0][:, -1])


class Cells(nn.Module):
    """An LSTM cell in a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(6, 8)
        self.scores = nn.Linear(8, 4)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        h = c = tg.zeros(x.shape[0], 8)
        for t in range(x.shape[1]):
            h, c = self.cell(x[:, t], (h, c))
        return self.scores(h)


class Attentive(nn.Module):
    """Attention to itself, by hand, normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, dropout=0.1, batch_first=True)
        self.norm = nn.LayerNorm(8)
        self.rest = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 4))

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        mask = tg.triu(tg.ones(x.shape[1], x.shape[1], dtype=tg.bool), diagonal=1)
        y, _ = self.attention(x, x, x, attn_mask=mask)
        return self.rest(self.norm(x + y)).mean(1)


def transformer() -> nn.Module:
    """Return a layer of a transformer, and scores."""
    layer = nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, dropout=0.1, activation="gelu", batch_first=True)
    return nn.Sequential(nn.TransformerEncoder(layer, 2), nn.Flatten(), nn.Linear(40, 4))


class Symmetric(nn.Module):
    """A matrix that is its own transpose."""

    def forward(self, w: tg.Tensor) -> tg.Tensor:
        return w.triu() + w.triu(1).T


def parametrized() -> nn.Module:
    """Return a network whose weights are computed: normalised, by their singular values, symmetric."""
    layers = [nn.Linear(12, 12) for _ in range(3)]
    nn.utils.parametrizations.weight_norm(layers[0])
    nn.utils.parametrizations.spectral_norm(layers[1])
    nn.utils.parametrize.register_parametrization(layers[2], "weight", Symmetric())
    return nn.Sequential(layers[0], nn.Tanh(), layers[1], nn.Tanh(), layers[2], nn.Tanh(), nn.Linear(12, 4))


def averaged() -> nn.Module:
    """Return a network whose running statistics are the averages of all batches."""
    norm = nn.BatchNorm1d(12, momentum=None)
    return nn.Sequential(nn.Linear(12, 12), norm, nn.ReLU(), nn.Linear(12, 4))


def embedding() -> nn.Module:
    """Return a classifier of words."""
    return nn.Sequential(
        nn.Embedding(20, 8, padding_idx=0), nn.Flatten(), nn.Linear(40, 16), nn.Tanh(), nn.Linear(16, 4)
    )


def adversarial() -> Run:
    """Return a GAN, whose step is one of each optimiser."""
    generator = nn.Sequential(nn.Linear(3, 16), nn.LeakyReLU(0.2), nn.Linear(16, 6), nn.Tanh())
    judge = nn.Sequential(nn.Linear(6, 16), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(16, 1))
    first = optim.Adam(generator.parameters(), lr=1e-2, betas=(0.5, 0.999))
    second = optim.Adam(judge.parameters(), lr=1e-2, betas=(0.5, 0.999))
    loss = nn.BCEWithLogitsLoss()

    def step(real: tg.Tensor) -> tuple[tg.Tensor, tg.Tensor]:
        yes, no = tg.ones(len(real), 1), tg.zeros(len(real), 1)
        fake = generator(tg.randn(len(real), 3))
        second.zero_grad()
        told = loss(judge(real), yes) + loss(judge(fake.detach()), no)
        told.backward()
        second.step()
        first.zero_grad()
        fooled = loss(judge(fake), yes)
        fooled.backward()
        first.step()
        return told.detach(), fooled.detach()

    return Run(step, batches(8, 6), [generator, judge], [first, second])


def penalised() -> Run:
    """Return the training of a critic whose slope is drawn to one: a double backward in each step."""
    critic = nn.Sequential(nn.Linear(6, 16), nn.Softplus(), nn.Linear(16, 1))
    optimizer = optim.RMSprop(critic.parameters(), lr=1e-3)

    def step(x: tg.Tensor) -> dict[str, tg.Tensor]:
        at = (x + 0.1 * tg.randn_like(x)).requires_grad_()
        value = critic(at)
        (slope,) = tg.autograd.grad(value.sum(), at, create_graph=True)
        penalty = ((slope.norm(dim=1) - 1) ** 2).mean()
        optimizer.zero_grad()
        (value.mean() + 10 * penalty).backward()
        optimizer.step()
        return {"value": value.detach(), "penalty": penalty.detach()}

    return Run(step, batches(8, 6), [critic], [optimizer])


def autoencoder() -> Run:
    """Return the training of an autoencoder."""
    model = nn.Sequential(nn.Linear(12, 4), nn.Sigmoid(), nn.Linear(4, 12))
    optimizer = optim.AdamW(model.parameters(), lr=1e-2)

    def step(x: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad(set_to_none=False)
        loss = mse_loss(model(x), x)
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.05)
        optimizer.step()
        return loss

    return Run(step, batches(8, 12), [model], [optimizer])


def scheduled(make: Callable[[Any], Any], inside: bool) -> Run:
    """Return a training with a schedule of its rate, whose step is inside of the compiled one, or after it."""
    run = classifier(mlp(), batches(16, 12, classes=4), lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=1e-3))
    schedule = make(run.optimizers[0])
    train = run.step

    def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        loss = train(x, y)
        schedule.step()
        return loss

    return Run(step if inside else train, run.given, run.modules, run.optimizers, [schedule])


def told(caplog: Any) -> list[str]:
    """Return what the log said why something is not compiled."""
    return [r.getMessage() for r in caplog.records if r.name == "tensorgrad.compile" and r.levelno >= logging.WARNING]

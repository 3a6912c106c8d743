"""The scripts in examples/ run on this library and on PyTorch, from the same random numbers."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.data.sampler import drawn_seed

FOLDER = Path(__file__).resolve().parent.parent / "examples"
SCRIPTS = sorted(FOLDER.rglob("*.py"))
IMPORT = re.compile(r"^(import|from) tensorgrad\b(?: as torch\b)?", re.MULTILINE)


def pytorchs(source: str) -> str:
    """The script with its import lines changed."""
    return IMPORT.sub(r"\1 torch", source)


def losses(source: str, path: Path) -> list[float]:
    """What ``main()`` of the script returns, run as a module so that its own ``__main__`` part stays still."""
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, path.stem, module)  # where dataclasses look up what annotations mean
        exec(compile(source, str(path), "exec"), vars(module))
        return module.main()


@contextmanager
def double(lib: Any) -> Iterator[None]:
    """float64 by default: what remains between two engines is rounding, and no training multiplies it much."""
    lib.set_default_dtype(lib.float64)
    try:
        yield
    finally:
        lib.set_default_dtype(lib.float32)


def draw_as_tensorgrad_does(torch: Any, patch: Any) -> None:
    """Let PyTorch's random functions take their numbers from this library's generators."""

    def source(generator: Any) -> tg.Generator | None:
        if generator is None or generator is torch.default_generator:
            return None
        return tg.Generator().manual_seed(generator.initial_seed())

    def dtype(wanted: Any) -> Any:
        return getattr(tg, str(wanted or torch.get_default_dtype()).removeprefix("torch."))

    def factory(name: str) -> Any:
        def draw(*args: Any, dtype: Any = None, requires_grad: bool = False, generator: Any = None, **kw: Any) -> Any:
            args = tuple(tg.tensor(a.detach().numpy()) if isinstance(a, torch.Tensor) else a for a in args)
            found = torch.from_numpy(getattr(tg, name)(*args, generator=source(generator), **kw).numpy())
            return (found if dtype is None else found.to(dtype)).requires_grad_(requires_grad)

        return draw

    def filler(fill: Any) -> Any:
        def draw(self: Any, *args: Any, generator: Any = None, **kw: Any) -> Any:
            values = fill(
                tg.empty(tuple(self.shape), dtype=dtype(self.dtype)), *args, generator=source(generator), **kw
            )
            self.data.copy_(torch.from_numpy(values.numpy()))
            return self

        return draw

    def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
        ones = tg.ones(tuple(input.shape), dtype=dtype(input.dtype))
        return input * torch.from_numpy(tg.nn.functional.dropout(ones, p, training).numpy())

    for name in (
        "rand",
        "randn",
        "rand_like",
        "randn_like",
        "randint",
        "randperm",
        "normal",
        "multinomial",
        "bernoulli",
    ):
        patch.setattr(torch, name, factory(name))
    patch.setattr(torch.utils.data.dataset, "randperm", torch.randperm)  # imported there by name
    patch.setattr(torch, "manual_seed", lambda seed: tg.manual_seed(seed) and None)
    patch.setattr(torch, "get_rng_state", lambda: torch.from_numpy(tg.get_rng_state().numpy()))
    patch.setattr(torch, "set_rng_state", lambda state: tg.set_rng_state(tg.tensor(state.numpy())))
    patch.setattr(torch.Tensor, "uniform_", filler(tg.nn.init.uniform_))
    patch.setattr(torch.Tensor, "normal_", filler(tg.nn.init.normal_))
    patch.setattr(torch.Tensor, "random_", filler(lambda x, generator: x.fill_(drawn_seed(generator))))  # of loaders
    patch.setattr(torch.nn.functional, "dropout", dropout)
    patch.setattr(torch.nn.init, "orthogonal_", filler(tg.nn.init.orthogonal_))  # drawn there in another order


def finite(values: list[float]) -> np.ndarray:
    found = np.asarray(values, float)
    assert found.size
    assert np.isfinite(found).all()
    return found

"""Checkpoints of training: all that decides the steps to come. A run that was killed ends with the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from tensorgrad.create.random import Generator, default_generator
from tensorgrad.errors import ArgumentError, DataError
from tensorgrad.files import File, load, save


class Stateful(Protocol):
    """A module, an optimiser or a schedule."""

    def state_dict(self) -> Any: ...  # noqa: D102 - stated where it is defined
    def load_state_dict(self, state_dict: Any) -> Any: ...  # noqa: D102


class Checkpoint(NamedTuple):
    """What `load_checkpoint` hands back: the step after which it was saved, and what was saved as `extra`."""

    step: int
    extra: Any


def save_checkpoint(
    f: File,
    *,
    model: Stateful,
    optimizer: Stateful,
    scheduler: Stateful | None = None,
    step: int = 0,
    generators: Sequence[Generator] = (),
    extra: Any = None,
) -> None:
    """Write the states of all that training consists of to the file `f`, in one piece (see `tensorgrad.save`).

    Args:
        f: a path, or a file opened for writing bytes.
        model: a Module.
        optimizer: its Optimizer.
        scheduler: the schedule of the learning rate, if there is one.
        step: how many steps, or epochs, are done.
        generators: the explicit generators in use, as of a loader; the state of the default one is saved in any case.
        extra: anything else that `tensorgrad.save` takes.

    Save between two steps. A loader that is in the middle of an epoch cannot be saved: save at the ends of epochs, or
    draw the order of each epoch from a generator and go on from `step`.
    """
    parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
    states = {name: part.state_dict() for name, part in parts.items() if part is not None}
    random = [generator.get_state() for generator in (default_generator, *generators)]
    save({"checkpoint": 1, **states, "random": random, "step": step, "extra": extra}, f)


def load_checkpoint(
    f: File,
    *,
    model: Stateful,
    optimizer: Stateful,
    scheduler: Stateful | None = None,
    generators: Sequence[Generator] = (),
) -> Checkpoint:
    """Give back the states that `save_checkpoint` wrote to `f`, and return the step and the extra.

    Raises:
        DataError: the file is damaged, or no checkpoint.
        ArgumentError: a schedule was saved and none is given, or the other way round, or another number of generators.
        RuntimeError: the model or the optimizer is another one than was saved.

    >>> import io
    >>> import tensorgrad as tg
    >>> model = tg.nn.Dropout()
    >>> optimizer = tg.optim.SGD([tg.zeros(1, requires_grad=True)], lr=0.1)
    >>> file = io.BytesIO()
    >>> save_checkpoint(file, model=model, optimizer=optimizer, step=7)
    >>> _ = file.seek(0)
    >>> load_checkpoint(file, model=model, optimizer=optimizer).step
    7
    """
    found = load(f)
    if not isinstance(found, dict) or found.get("checkpoint") != 1:
        raise DataError(f"{f}: expected a file of save_checkpoint, found other data: tensorgrad.load returns it")
    parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
    for name, part in parts.items():
        if (part is None) == (name in found):
            raise ArgumentError(
                f"load_checkpoint: the {name} {'is missing' if part is None else 'was not saved'}: give what was given "
                f"to save_checkpoint"
            )
    streams = (default_generator, *generators)
    if len(found["random"]) != len(streams):
        raise ArgumentError(
            f"load_checkpoint: expected {len(found['random']) - 1} generators, as were given to save_checkpoint, found "
            f"{len(generators)}"
        )
    for name, part in parts.items():
        if part is not None:
            part.load_state_dict(found[name])
    for stream, state in zip(streams, found["random"], strict=True):
        stream.set_state(state)
    return Checkpoint(found["step"], found["extra"])

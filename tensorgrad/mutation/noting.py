"""What notes, while a user's tests run, which module was loaded and what its functions were called with.

A file of its own: the tests may run under another Python than this one, so its text is laid beside the copy and
imported under the name ``_tensorgrad_recorder``; it needs nothing but NumPy. It never disturbs the tests: what it
cannot keep it notes as that.
"""

from __future__ import annotations

import atexit
import os
import pickle
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = "TENSORGRAD_MUTATE_CALLS"
OF_ONE_KIND = 3  # calls that are kept of one function with the same shapes and dtypes
KINDS = 24  # such kinds that are kept of one function
LARGEST = 1 << 20  # elements; a larger argument is kept by its shape alone, and filled anew

_seen: Counter[Any] = Counter()
_lock = threading.Lock()


def loaded(name: str) -> None:
    """Note that the module is loaded from the copy, under `name`; and at the end, all that has been loaded."""
    _write({"module": name})
    atexit.register(
        lambda: _write({"loaded": [(n, getattr(m, "__file__", None) or "") for n, m in sys.modules.items()]})
    )


def call(function: str, args: tuple[Any, ...], words: dict[str, Any]) -> None:
    """Note a call of `function`: the values of its arguments, arrays as they lie in memory."""
    kept = [_kept(a) for a in args]
    named = {name: _kept(a) for name, a in words.items()}
    kind = (function, *(_kind(a) for a in (*kept, *named.values())))
    with _lock:
        _seen[kind] += 1
        is_new = _seen[kind] == 1
        _seen[function] += is_new
        wanted = _seen[kind] <= OF_ONE_KIND and _seen[function] <= KINDS
    if wanted:
        _write({"function": function, "args": kept, "words": named})


def _kind(kept: tuple[str, Any]) -> Any:
    what, value = kept
    return (what, value.shape, value.dtype.str) if isinstance(value, np.ndarray) else (what, repr(value)[:80])


def _kept(value: Any) -> tuple[str, Any]:
    """Return what a value is, and the value: of "torch", "tensorgrad", "numpy", plain "value", or "unknown"."""
    library = type(value).__module__.partition(".")[0]
    if isinstance(value, np.ndarray):
        return "numpy", _copy(value)
    if library in {"torch", "tensorgrad"} and hasattr(value, "detach"):
        try:
            return library, _copy(value.detach().numpy())
        except Exception as error:  # noqa: BLE001 - a tensor of a transform, on a device, of a dtype that NumPy lacks
            return "unknown", f"{type(value).__name__} ({type(error).__name__})"
    try:
        return "value", pickle.loads(pickle.dumps(value))  # noqa: S301 - made one word earlier
    except Exception as error:  # noqa: BLE001 - a lambda, a module, a file
        return "unknown", f"{type(value).__name__} ({type(error).__name__})"


def _copy(array: Any) -> Any:
    return np.array(array, order="K") if array.size <= LARGEST else np.broadcast_to(array.dtype.type(1), array.shape)


def _write(record: dict[str, Any]) -> None:
    path = Path(os.environ[FOLDER], f"{os.getpid()}.calls")
    with _lock, path.open("ab") as file:
        pickle.dump(record, file)

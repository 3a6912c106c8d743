"""Where trials are kept: in memory, in a journal file, or in any storage of Optuna's that machines share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any

from .memory import Memory, MemoryStudy
from .samplers import make_pruner
from .space import need_optuna

try:
    import fcntl
except ImportError:  # Windows
    _LOCKS = False
else:
    _LOCKS = True

_GRACE = 10  # seconds after which the lock of a dead process is broken, where the system does not release it


class JournalLock:
    """The lock of a journal file that the system releases when a process dies, with what Optuna asks of a lock.

    Who gets it first cuts off half a line, which a process may have left that died while it wrote.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def acquire(self) -> bool:
        """Wait for the lock."""
        file = Path(f"{self._path}.lock").open("ab")  # noqa: SIM115 - it stays open for as long as the lock is held
        fcntl.flock(file, fcntl.LOCK_EX)
        self._file = file
        mend(self._path)
        return True

    def release(self) -> None:
        """Give the lock back."""
        file, self._file = self._file, None
        if file is not None:
            file.close()


def mend(path: Path) -> None:
    """Cut off what stands after the last whole line of `path`."""
    with path.open("r+b") as file:
        size = end = file.seek(0, os.SEEK_END)
        while end:
            start = max(end - 4096, 0)
            file.seek(start)
            at = file.read(end - start).rfind(b"\n")
            if at >= 0:
                end = start + at + 1
                break
            end = start
        if end < size:
            file.truncate(end)


def open_storage(storage: Any) -> Any:
    """Return the storage that Optuna works with.

    Args:
        storage: None for the memory of this process; a path for a journal file, made where there is none, which a
            later run goes on with and several processes share; an address with ``://``, as ``mysql://...``, which
            several machines share; or a storage of Optuna's.

    Raises:
        MissingDependencyError: Optuna is not installed.
    """
    optuna = need_optuna()
    if storage is None:
        return optuna.storages.InMemoryStorage()
    if not isinstance(storage, str | os.PathLike) or "://" in os.fspath(storage):
        return storage
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    path = Path(storage)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock: Any = JournalLock(path) if _LOCKS else JournalFileOpenLock(str(path), _GRACE)
    return JournalStorage(JournalFileBackend(str(path), lock))


def open_study(storage: Any, name: str, direction: str, sampler: Any, pruner: Any) -> Any:
    """Return the study `name` in `storage`, Optuna's or a `Memory`, made where there is none."""
    if isinstance(storage, Memory):
        study = storage.setdefault(name, MemoryStudy(direction))
        study.sampler = sampler
        return study
    optuna, pruner = need_optuna(), make_pruner(pruner)
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # that a study was made is no news
    try:
        return optuna.create_study(
            storage=storage, study_name=name, direction=direction, sampler=sampler, pruner=pruner, load_if_exists=True
        )
    finally:
        optuna.logging.set_verbosity(level)

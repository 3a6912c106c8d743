"""Where trials are kept: in memory, in a journal file, or in any storage of Optuna's that machines share."""

from __future__ import annotations

import json
import os
import re
import warnings
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from tensorgrad.errors import ArgumentError, DataError, MissingDependencyError, TensorgradError

from .memory import Memory, MemoryStudy
from .samplers import make_pruner
from .space import need_optuna
from .workers import reaching

try:
    import fcntl
except ImportError:  # Windows
    _LOCKS = False
else:
    _LOCKS = True

_GRACE = 10
"""Seconds after which a server is not there, and the lock of a dead process is broken that the system keeps."""
_PORT = 13000  # Optuna's, where an address names none

_BEGIN = b'{"op_code"'
_OPERATIONS = 20  # more than Optuna 5 has


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


def check_journal(path: Path) -> None:
    """Raise DataError if `path` has a line that Optuna has not written, but for half a line at the end."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            whole = line.endswith(b"\n")
            if not (_is_entry(line, number) if whole else number > 1 or _BEGIN.startswith(line[: len(_BEGIN)])):
                raise DataError(
                    f"{path}, line {number}: no line of a journal of Optuna's. If the file is another one, give "
                    f"another path; if it is damaged, a copy of its first {number - 1} lines holds what was done before"
                )


def _is_entry(line: bytes, number: int) -> bool:
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    if not isinstance(entry, dict) or "worker_id" not in entry:
        return False
    return entry.get("op_code") in (range(1) if number == 1 else range(_OPERATIONS))  # a study is made first


def open_storage(storage: Any) -> Any:
    """Return the storage that Optuna works with.

    Args:
        storage: None for the memory of this process; a path for a journal file, made where there is none, which a
            later run goes on with and several processes share; an address with ``://``, which several machines share:
            ``mysql://...`` and others of SQLAlchemy's, or ``grpc://host:port``, where Optuna's `run_grpc_proxy_server`
            runs; or a storage of Optuna's.

    Raises:
        MissingDependencyError: Optuna is not installed, or grpcio for an address with ``grpc://``.
        ArgumentError: `storage` is something else.
        DataError: the file is no journal, or a damaged one.
        OSError: the file, or its folder, cannot be written.
        TensorgradError: the address cannot be opened.
    """
    optuna = need_optuna()
    if storage is None:
        return optuna.storages.InMemoryStorage()
    if isinstance(storage, optuna.storages.BaseStorage):
        return storage
    if not isinstance(storage, str | os.PathLike):
        raise ArgumentError(f"storage {storage!r}: expected None, a path, an address, or a storage of Optuna's")
    if "://" in os.fspath(storage):
        return _opened(os.fspath(storage))
    path = Path(storage)
    try:
        return _journal(path)
    except OSError as error:
        raise _about(error, path, "the trials of a search are kept there: give a file that can be written") from error


def _opened(address: str) -> Any:
    """Return the storage at an address."""
    try:
        return _proxy(address) if address.startswith("grpc://") else need_optuna().storages.RDBStorage(address)
    except MissingDependencyError:
        raise
    except Exception as error:  # whatever SQLAlchemy, or what speaks with the database, raises
        shown = re.sub(r"//[^/@]*@", "//...@", address)  # without the password
        why = str(error).partition("\n")[0]
        raise TensorgradError(f"storage {shown!r} cannot be opened: {type(error).__name__}: {why}") from error


def _proxy(address: str) -> Any:
    """Return the storage that a server of Optuna's at ``grpc://host:port`` passes on."""
    optuna, place = need_optuna(), urlsplit(address)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        try:
            storage = optuna.storages.GrpcStorageProxy(host=place.hostname or "localhost", port=place.port or _PORT)
        except ImportError as error:
            raise MissingDependencyError.of(f"a storage at {address}", "grpcio", "protobuf") from error
    storage.wait_server_ready(_GRACE)
    return storage


def _journal(path: Path) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

    def append_logs(self: Any, logs: list[dict[str, Any]]) -> None:
        """Say which file could not be written; half a line that it leaves is cut off by who writes next."""
        try:
            JournalFileBackend.append_logs(self, logs)
        except OSError as error:
            advice = "what was finished before is kept; make room, and the search goes on when it is run again"
            raise _about(error, path, advice) from error

    path.parent.mkdir(parents=True, exist_ok=True)
    lock: Any = JournalLock(path) if _LOCKS else JournalFileOpenLock(str(path), _GRACE)
    backend = type("Journal", (JournalFileBackend,), {"append_logs": append_logs})(str(path), lock)
    check_journal(path)
    lock.acquire()  # which needs to write, as every trial will
    lock.release()
    try:
        return JournalStorage(backend)
    except Exception as error:
        raise DataError(
            f"{path}: lines of the journal are missing or damaged: Optuna cannot follow them ({type(error).__name__}: "
            f"{error}); give another path, or an older copy of it"
        ) from error


def _about(error: OSError, path: Path, advice: str) -> OSError:
    return OSError(error.errno, f"{error.strerror or error}: {advice}", str(path))


@reaching
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

"""A server of Optuna's that passes on a database, as several machines would share it."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.waiting import CEILING, until

SERVER = """
import sys
from optuna.storages import RDBStorage, run_grpc_proxy_server
run_grpc_proxy_server(RDBStorage(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]))
"""


def free_port() -> int:
    """Return a port that no one listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def listening(port: int) -> bool:
    """Return whether someone listens at `port`."""
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def served(database: str, port: int) -> Iterator[str]:
    """Context manager: the address ``grpc://...`` of a server of `database`, which ends with it."""
    pytest.importorskip("grpc", reason="no grpcio: pip install grpcio protobuf")
    pytest.importorskip("sqlalchemy", reason="Optuna's databases need sqlalchemy")
    process = subprocess.Popen([sys.executable, "-c", SERVER, database, str(port)], stderr=subprocess.DEVNULL)
    try:
        until(lambda: listening(port) or process.poll() is not None, "the server listens")
        yield f"grpc://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait(CEILING)

"""One experiment in a process of its own: ``python -m tensorgrad.chapter6.alone``, started by ``tensorgrad chapter6``.

Standard input brings one line, the order, and stays open as long as the parent lives. What the experiment prints is
its log. What it found is in ``result.json``, or, if it raised, in ``failure.json``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from importlib import import_module
from pathlib import Path

from tensorgrad.files.atomic import write_whole

from .run import Settings, perform


def main() -> int:
    """Read the order, run the experiment, and return 0, or 1 if it raised."""
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    folder, module = Path(order["folder"]), order["module"]
    name = module.rpartition(".")[2]
    try:
        perform(name, import_module(module).experiment, Settings(**order["settings"]), folder, order["workers"])
    except Exception as error:  # noqa: BLE001 - whatever it is, it is reported, and the other experiments go on
        traceback.print_exc()
        write_whole(folder / "failure.json", json.dumps(_told(error, name), ensure_ascii=False))
        return 1
    return 0


def _end_with_the_parent() -> None:
    """End this process, and those it has started, when the parent is gone and so standard input is at its end."""
    os.read(sys.stdin.fileno(), 1)
    if sys.platform != "win32" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _told(error: Exception, name: str) -> dict[str, str]:
    """Return the last line of the traceback, and the place in the file of the experiment where it left that."""
    frames = traceback.extract_tb(error.__traceback__)
    frame = ([f for f in frames if Path(f.filename).stem == name] or list(frames))[-1]
    last = traceback.format_exception_only(error)[-1].strip()
    return {"error": last, "place": f"{Path(frame.filename).name}:{frame.lineno}"}


if __name__ == "__main__":
    raise SystemExit(main())

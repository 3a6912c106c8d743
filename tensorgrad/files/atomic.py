"""Writing a file in one piece: at every moment its path leads to all of the old content or to all of the new one."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Write `content` to `path`, through a temporary file in the same folder that then takes its place.

    The permissions of an old file stay, and a link stays one. If anything fails, the old file is as it was and the
    temporary one is gone; only a killed process may leave one behind, ``.tensorgrad-*.tmp``.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():  # a device such as /dev/null is written to, not replaced
        target.write_bytes(content)
        return
    temporary = target.with_name(f".tensorgrad-{os.urandom(8).hex()}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Have the new name written to disk too, where a folder can be opened for that."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

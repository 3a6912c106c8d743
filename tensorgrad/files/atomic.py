"""Writing a file in one piece: at every moment its path leads to all of the old content or to all of the new one."""

from __future__ import annotations

import errno
import glob
import os
import platform
import stat
from pathlib import Path


def write_whole(path: Path, *content: str | bytes | memoryview) -> Path:
    """Write the parts of `content` through a temporary file that then takes the place of `path`; return `path`.

    Text is written as UTF-8. The permissions of an old file stay, and a link stays one. If anything fails, the old file
    is as it was and the temporary one is gone; that of a process that was killed goes with the next file written
    beside it.
    """
    parts = [part.encode() if isinstance(part, str) else part for part in content]
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():  # a device such as /dev/null is written to, not replaced
        with open(target, "wb", opener=_at_once) as device:
            device.writelines(parts)
        return path
    _tidy(target.parent)
    temporary = target.with_name(f".tensorgrad-{platform.node()}-{os.getpid()}-{os.urandom(8).hex()}.tmp")
    try:
        with temporary.open("xb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        temporary.replace(target)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename == str(temporary):
            error.filename = str(path)  # the name that was asked for: the other one is none of the user's
        raise
    _sync_folder(target.parent)
    return path


def _tidy(folder: Path) -> None:
    """Remove the temporary files that processes of this machine left in `folder` when they were killed."""
    if os.name != "posix":  # elsewhere there is no signal that only asks
        return
    for temporary in folder.glob(f".tensorgrad-{glob.escape(platform.node())}-*-*.tmp"):
        process = temporary.name.split("-")[-2]
        if process.isdecimal() and not _is_alive(int(process)):
            temporary.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):  # somebody else's; no process at all
        return True
    return True


def _at_once(path: str, flags: int) -> int:
    """Open `path` for writing; OSError for a named pipe that nobody reads, where opening would wait for ever."""
    try:
        handle = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError(errno.ENXIO, "nobody reads this pipe: start its reader first", path) from error
        raise
    if hasattr(os, "O_NONBLOCK"):
        os.set_blocking(handle, True)
    return handle


def _sync_folder(folder: Path) -> None:
    """Have the new name written to disk too, where a folder can be opened for that."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

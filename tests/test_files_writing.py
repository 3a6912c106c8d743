"""A file is written whole or not at all."""

from __future__ import annotations

import io
import os
import platform
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tensorgrad as tg
from tensorgrad.errors import DataError


@pytest.mark.parametrize("fails", ["fsync", "replace", "write"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_no_other(
    fails: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.safetensors"
    tg.save({"step": 1}, path)

    def fail(*_: Any) -> None:
        raise error

    class Half(io.BufferedIOBase):
        """A file that takes half of what it is given."""

        def __init__(self, file: Any) -> None:
            self.file = file

        def write(self, content: Any) -> int:
            self.file.write(content[: len(content) // 2])
            raise error

        def close(self) -> None:
            self.file.close()
            super().close()

    opened = Path.open
    holder, replacement = {
        "write": (Path, lambda self, *args: Half(opened(self, *args))),
        "fsync": (os, fail),
        "replace": (Path, fail),
    }[fails]
    monkeypatch.setattr(holder, "open" if fails == "write" else fails, replacement)
    with pytest.raises(type(error)):
        tg.save({"step": 2}, path)
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]
    assert tg.load(path) == {"step": 1}


def test_the_file_is_on_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (events.append("fsync"), fsync(handle))[1])
    monkeypatch.setattr(Path, "replace", lambda self, to: (events.append("replace"), replace(self, to))[1])
    tg.save(1, tmp_path / "file")
    assert events[:2] == ["fsync", "replace"]
    if os.name == "posix":
        assert events == ["fsync", "replace", "fsync"]  # the last is that of the folder


def test_reading_never_sees_half_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    tg.save("old", path)
    seen = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, to: (seen.append(tg.load(path)), replace(self, to))[1])
    tg.save("new", path)
    assert [*seen, tg.load(path)] == ["old", "new"]


@pytest.mark.skipif(os.name != "posix", reason="permissions and links are those of POSIX")
def test_permissions_and_links_stay_and_devices_are_not_replaced(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        path, link = tmp_path / "file", tmp_path / "link"
        tg.save(1, path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    finally:
        os.umask(mask)
    path.chmod(0o604)
    link.symlink_to(path)
    tg.save(2, link)
    assert link.is_symlink()
    assert tg.load(path) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
    tg.save(3, "/dev/null")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    for place in (tmp_path, "/dev/zero"):
        with pytest.raises(DataError, match="expected a file, found a folder or a device"):
            tg.load(place)
    with pytest.raises(IsADirectoryError):
        tg.save(1, tmp_path)
    with pytest.raises(FileNotFoundError):
        tg.save(1, tmp_path / "no" / "such" / "folder")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_that_nobody_reads_does_not_stop_the_script(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="nobody reads this pipe"):
        tg.save(tg.ones(2), pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        tg.save(tg.ones(2), pipe)
        assert tg.load(io.BytesIO(os.read(reader, 10_000))).tolist() == [1.0, 1.0]
    finally:
        os.close(reader)


@pytest.mark.skipif(os.name != "posix", reason="elsewhere nobody can be asked whether he lives")
def test_a_save_removes_what_a_killed_one_left_and_nothing_of_the_living(tmp_path: Path) -> None:
    script = "import os, sys, tensorgrad as tg; os.fsync = lambda _: os.kill(os.getpid(), 9); tg.save(1, sys.argv[1])"
    assert subprocess.run([sys.executable, "-c", script, tmp_path / "a"], check=False).returncode == -9
    (left,) = tmp_path.iterdir()
    living = tmp_path / f".tensorgrad-{platform.node()}-{os.getpid()}-0.tmp"
    elsewhere = tmp_path / ".tensorgrad-another-machine-1-0.tmp"
    for path in (living, elsewhere):
        path.touch()
    tg.save(2, tmp_path / "b.safetensors")
    assert not left.exists()
    assert {living, elsewhere} < set(tmp_path.iterdir())

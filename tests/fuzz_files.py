"""Files at random: `python -m tests.fuzz_files 20000 1` changes whole ones and asks that each is right or refused.

What is changed is a byte, a run of bytes or an opcode, mostly of the pickle inside; the checksums of the archive are
made anew, so that the change is read. An outcome is data or a `DataError`; anything else, a wait, and memory beyond a
small multiple of the file are failures, and are printed.
"""

from __future__ import annotations

import io
import random
import re
import sys
import time
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import DataError
from tensorgrad.files import container
from tests.packing import packed
from tests.torchfiles import written

SECONDS = 10.0  # for a file of some kilobytes: nothing but a hang takes that long
ROOM = 1 << 20
Variant = Callable[[bytes, random.Random], bytes]
TIMES = 300  # an instruction of one byte may make an empty set


def archive(members: dict[str, bytes]) -> bytes:
    """A zip archive of stored members, as torch.save writes them."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        for name, content in members.items():
            zipped.writestr(name, content)
    return file.getvalue()


def parts(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        return {name: zipped.read(name) for name in zipped.namelist()}


def changed(data: bytes, draw: random.Random) -> bytes:
    """`data` with one to three changes: bytes, runs that are cut out, doubled or moved, numbers at their ends."""
    found = bytearray(data)
    for _ in range(draw.randint(1, 3)):
        if not found:
            break
        at, length = draw.randrange(len(found)), draw.choice((1, 1, 2, 4, 8, 16))
        kind = draw.randrange(6)
        if kind == 0:
            found[at] = draw.randrange(256)
        elif kind == 1:
            found[at] ^= 1 << draw.randrange(8)
        elif kind == 2:
            del found[at : at + length]
        elif kind == 3:
            found[at:at] = found[(other := draw.randrange(len(found))) : other + length]
        elif kind == 4:
            found[at : at + length] = draw.choice((b"\x00", b"\xff", b"\x7f", b"\x80")) * length
        else:
            found[at:at] = bytes(
                [draw.choice(b"()]}NRQbtaesu.0hqXKJMG\x85\x86\x87\x88\x89\x8a\x8f\x90\x91\x93\x94\x95")]
            )
    return bytes(found)


def variant(content: bytes, draw: random.Random) -> bytes:
    """A changed file: of the archive as it is, or of one member with its checksum made anew."""
    if draw.random() < 0.3:
        return changed(content, draw)
    members = parts(content)
    name = draw.choice([*members, *[n for n in members if n.endswith("data.pkl")] * 8])
    members[name] = changed(members[name], draw)
    if draw.random() < 0.05:
        members[draw.choice([*members])] = b""
    return archive(members)


def of_modules(content: bytes, draw: random.Random) -> bytes:
    """A file of whole modules whose structure is changed, with the checksum of the structure made anew."""
    structure, arrays = container.unpack(io.BytesIO(content), len(content), "a file")
    found = changed(str(structure).encode(), draw).decode("ascii", "replace")
    if draw.random() < 0.5:  # one text in the place of another: the file stays JSON
        texts = re.findall(r'"[^"]*"|\d+|true|false|null|\[\]', str(structure))
        found = str(structure).replace(draw.choice(texts), draw.choice(texts), draw.choice((1, 1, 2, 9)))
    return b"".join(map(bytes, container.pack(found, arrays)))


def failure(content: bytes, **options: Any) -> str | None:
    """What is wrong with the outcome of loading `content`; None if it is data or a DataError."""
    tracemalloc.start()
    start = time.process_time()
    try:
        tg.load(io.BytesIO(content), **options)
    except DataError:
        pass
    except Exception as error:  # noqa: BLE001 - any other is what is looked for
        return f"{type(error).__name__}: {error}"
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    seconds = time.process_time() - start
    if peak > TIMES * len(content) + ROOM or seconds > SECONDS:
        return f"{peak:,} bytes and {seconds:.1f} s for a file of {len(content):,} bytes"
    return None


def failures(
    files: list[bytes], count: int, seed: int, variant: Variant = variant, **options: Any
) -> Iterator[tuple[int, str, bytes]]:
    """The failures among `count` changed files, each with its number."""
    for number in range(count):
        draw = random.Random(f"{seed} {number}")
        content = variant(draw.choice(files), draw)
        found = failure(content, **options)
        if found is not None:
            yield number, found, content


def main(count: int, seed: int) -> int:
    found = list(failures(written(), count, seed, format="pt"))
    whole = [packed(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.ReLU())), packed([nn.GRU(2, 2)] * 2)]
    found += failures(whole, count, seed, of_modules, weights_only=False)
    for number, text, content in found:
        print(f"{number}: {text}\n{content!r}")
    print(f"{2 * count} files, {len(found)} failures")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))

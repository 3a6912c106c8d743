"""The members of a zip archive that are stored as they are: where each begins, how long it is, its checksum.

Nothing is unpacked, and nothing is taken from the file that its length does not allow: members may not overlap, so that
all of them together take no more memory than the file has bytes. Source: APPNOTE.TXT of PKWARE, 4.3.
"""

from __future__ import annotations

import struct
import zlib
from typing import IO, NamedTuple

from tensorgrad.base.hints import short

_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_END_64, _LOCATOR_64 = b"PK\x06\x06", b"PK\x06\x07"
_LONG = 0xFFFFFFFF  # stands where a number has more than 32 bits: it follows among the extra fields
_ENCRYPTED = 1


class PackedError(ValueError):
    """The member `name` is compressed or encrypted."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{short(name)} is compressed or encrypted")
        self.name = name


class Member(NamedTuple):
    """What the archive says of one member; `start` is where its bytes begin in the file."""

    start: int
    size: int
    crc: int

    def checked(self, data: bytes | memoryview) -> bytes | memoryview:
        """Return `data`, the bytes of this member; ValueError if they are not."""
        if len(data) != self.size or zlib.crc32(data) != self.crc:
            raise ValueError("a member with another length or checksum")
        return data


def members(file: IO[bytes], size: int) -> dict[str, Member]:
    """Return the members of the archive `file` of `size` bytes by their names; ValueError for anything doubtful."""
    count, length, start = _end(file, size)
    if start + length > size or count > length // 46:
        raise ValueError(f"a directory of {short(count)} members, {short(length)} bytes, in {size:,} bytes")
    file.seek(start)
    directory, place, found = file.read(length), 0, []
    for _ in range(count):
        name, offset, member, place = _entry(directory, place)
        found.append((offset, name, member))
    found.sort()
    ends = [*(offset for offset, _, _ in found[1:]), start]
    named = {name: _placed(file, offset, name, m, end) for (offset, name, m), end in zip(found, ends, strict=True)}
    if len(named) < count:
        raise ValueError("a name that stands twice")
    return named


def content(file: IO[bytes], member: Member) -> bytes:
    """Return the bytes of a member; ValueError if its checksum is another."""
    file.seek(member.start)
    return bytes(member.checked(file.read(member.size)))


def _end(file: IO[bytes], size: int) -> tuple[int, int, int]:
    """Return the number of members, and length and place of the list of them, from the end of the file."""
    file.seek(max(size - 42, 0))
    tail = file.read(42)
    if tail[-22:-18] != _END:
        raise ValueError("no end of a zip archive")
    if not tail.startswith(_LOCATOR_64):
        count, length, start = struct.unpack_from("<HII", tail[-22:], 10)
        return count, length, start
    (place,) = struct.unpack_from("<Q", tail, 8)
    if place > size - 56:
        raise ValueError(f"an end at {short(place)} of {size:,} bytes")
    file.seek(place)
    end = file.read(56)
    if not end.startswith(_END_64):
        raise ValueError("no end of a zip archive of 64 bits")
    count, length, start = struct.unpack_from("<QQQ", end, 32)
    return count, length, start


def _entry(directory: bytes, place: int) -> tuple[str, int, Member, int]:
    """Return the name in the entry at `place`, where its local header stands, what it says, and the next place."""
    mark, flags, method, crc, packed, size, named, extra, comment, offset = struct.unpack_from(
        "<4s4xHH4xIIIHHH8xI", directory, place
    )
    end = place + 46 + named + extra + comment
    name = directory[place + 46 : place + 46 + named].decode()
    if mark != _CENTRAL or end > len(directory):
        raise ValueError(f"no entry of a directory at {place:,}")
    if _LONG in (packed, size, offset):
        fields = directory[place + 46 + named : place + 46 + named + extra]
        size, packed, offset = _long(fields, (size, packed, offset))
    if method or flags & _ENCRYPTED or packed != size:
        raise PackedError(name)
    return name, offset, Member(-1, size, crc), end


def _long(fields: bytes, short_ones: tuple[int, ...]) -> list[int]:
    """Return size, packed size and offset, those of 64 bits from the extra `fields`."""
    while fields:
        kind, length = struct.unpack_from("<HH", fields)
        if kind == 1:
            longs = iter(struct.unpack_from(f"<{length // 8}Q", fields, 4))
            return [next(longs, _LONG) if n == _LONG else n for n in short_ones]
        fields = fields[4 + length :]
    raise ValueError("a length of 64 bits that is missing")


def _placed(file: IO[bytes], offset: int, name: str, member: Member, end: int) -> Member:
    """Return the member with its place in the file, which is before `end`."""
    file.seek(offset)
    header = file.read(30)
    if header[:4] != _LOCAL or len(header) < 30:
        raise ValueError(f"no member at {offset:,}")
    named, extra = struct.unpack_from("<HH", header, 26)
    start = offset + 30 + named + extra
    if start + member.size > end or file.read(named) != name.encode():
        raise ValueError(f"{short(name)} does not stand from {start:,} to {end:,}")
    return member._replace(start=start)

"""The text in front of Prophesee's recordings (.raw, .dat): lines ``% key value``, then the data.

Readers guess what a header leaves out, each in its own way. Here it is looked up, and what a file does not say is None.
Relies on the errors. Used by `event_words` and `event_records`.
"""

import re
from typing import NamedTuple

from eventsim.errors import FileFormatError

END = b"% end"
LONGEST = 2**16  # bytes; headers have some hundred
MOST_DIGITS = 18  # of a number: with them times stay in 64 bits
WORDS = re.compile(r"[=;,\s]+")


class Header(NamedTuple):
    """What the header of a recording says.

    Attributes
    ----------
    entries
        The values by key, both in small letters; those of a line ``format EVT3;height=720;width=1280`` as well.
    n_bytes
        Where the data begin.
    """

    entries: dict[str, str]
    n_bytes: int

    def whole(self, where: str, key: str) -> int | None:
        """The whole number of a key, or None where the header has no such key."""
        text = self.entries.get(key)
        if text is not None and not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
            raise FileFormatError(
                f"{where}: the header says {key} {text:.40}; must be a whole number. Correct the line."
            )
        return None if text is None else int(text)

    def sizes(self, where: str) -> tuple[int, int] | None:
        """(height, width) of the camera, or None where the header does not say both."""
        height, width = self.whole(where, "height"), self.whole(where, "width")
        return None if height is None or width is None else (height, width)


def read_header(where: str, raw: bytes) -> Header:
    """The header at the beginning of a file.

    It ends with a line ``% end`` or, in older files, before the first bytes that are no line of text.

    Raises
    ------
    FileFormatError
        A file without a header, or one that says a thing twice, and differently.
    """
    entries: dict[str, str] = {}
    place = 0
    while raw.startswith(b"% ", place):
        end = raw.find(b"\n", place, place + LONGEST)
        line = raw[place : end if end >= 0 else place]
        if not line.rstrip(b"\r").replace(b"\t", b" ").decode("latin-1").isprintable() or not line:
            break
        place = end + 1
        if line.rstrip() == END:
            break
        for key, value in _said(line[2:].decode("latin-1").strip()):
            if entries.setdefault(key, value) != value:
                raise FileFormatError(
                    f"{where}: the header says {key} {entries[key]:.40} and {key} {value:.40}; must be one. Correct or "
                    "leave out the wrong line."
                )
    if not place:
        raise FileFormatError(
            f"{where}: the file does not begin with a header; must begin with lines '% key value'. Copy it again, or "
            "look whether it is a recording of another format."
        )
    return Header(entries, place)


def _said(line: str) -> list[tuple[str, str]]:
    """The entries of one line, with small letters; sizes and versions under one name each."""
    key, _, value = line.lower().partition(" ")
    value = value.strip()
    if key == "geometry":
        width, _, height = value.partition("x")
        return [("width", width.strip()), ("height", height.strip())]
    if key == "format":
        first, *rest = WORDS.split(value)
        return [("evt", _version(first)), *zip(rest[::2], rest[1::2], strict=False)]
    return [(key, _version(value) if key == "evt" else value)]


def _version(text: str) -> str:
    """The version of an encoding: "evt3" and "3.0" are "3.0", "evt21" is "2.1"."""
    digits = text.removeprefix("evt").replace(".", "")
    return f"{digits[:1]}.{digits[1:] or '0'}"

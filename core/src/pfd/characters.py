"""Which characters of a foreign text are shown, and how the others are written so that they can be seen.

A text of a job, a file or a broker may hold characters that steer a terminal, turn the order of reading around, or
take no room at all; such a text looks like another one.  They are shown as Python writes them: `\\x1b`, `\\u202e`.
Line ends and tabs are structure, and stay where a text may have several lines.
"""

from __future__ import annotations

import codecs
import json
import re

# Controls of C0 and C1 without tab and line end; lone surrogates; separators of lines and paragraphs; format characters
# (bidirectional controls, zero widths, tags), as `unicodedata` classes them; and what has another class but no shape.
_RANGES = (
    (0x00, 0x08), (0x0B, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x34F, 0x34F), (0x600, 0x605), (0x61C, 0x61C),
    (0x6DD, 0x6DD), (0x70F, 0x70F), (0x890, 0x891), (0x8E2, 0x8E2), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x2028, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xD800, 0xDFFF),
    (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB), (0x110BD, 0x110BD), (0x110CD, 0x110CD), (0x13430, 0x1343F),
    (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
_HIDDEN = re.compile("[{}]+".format("".join(rf"\U{first:08x}-\U{last:08x}" for first, last in _RANGES)))
_BREAKS = str.maketrans("\n\r\t", "   ")
_PLAIN = bytes([*b"\t\n", *range(0x20, 0x7F)])

_SIGNS = {"…": "...", "–": "-", "×": "x", "→": "->", "µ": "u"}

ALIKE = "pfd.alike"
"""Name of a way to write what an encoding lacks (the `errors` of a stream): what looks like it, else its escape."""


def printable(text: str) -> str:
    """A text of one line or many, with what is not shown as escapes."""
    return text if _is_plain(text) else _HIDDEN.sub(_as_python, text)


def one_line(text: object) -> str:
    """A text (of None the empty one) on one line, with what is not shown as escapes."""
    shown = "" if text is None else str(text)
    return printable(shown if shown.isprintable() else shown.translate(_BREAKS))


def is_shown(text: str) -> bool:
    """Whether a text is one line of characters that are all shown."""
    return one_line(text) == text


def escaped_json(text: str) -> str:
    r"""JSON text with what is not shown as `\uXXXX`; it means the same."""
    return text if _is_plain(text) else _HIDDEN.sub(lambda found: json.dumps(found[0])[1:-1], text)


def _is_plain(text: str) -> bool:
    # Most of what is printed, and of a long log nearly all; a search by the pattern takes thirty times as long.
    return text.isascii() and not text.encode().translate(None, _PLAIN)


def _as_python(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def _alike(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(_SIGNS.get(sign) or ascii(sign)[1:-1] for sign in lacking), error.end


codecs.register_error(ALIKE, _alike)

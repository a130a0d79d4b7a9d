"""Variables of kinds that only MATLAB understands, beside those that are asked for: they decide nothing."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pfd import DataError
from pfd_plugin_mat_import import formats
from pfd_plugin_mat_import.conversion import convert_file
from pfd_plugin_mat_import.reader import Reader, Request

CLASSES = (
    *("string", "datetime", "duration", "calendarDuration", "table", "timetable", "categorical", "containers.Map"),
    *("dictionary", "Colour", "timeseries", "digitalFilter"),
)
"""What MATLAB stores as objects that it does not document: an enumeration and a user's class among them."""

INT8, UINT8, INT32, UINT32, DOUBLE, MATRIX, COMPRESSED = 1, 2, 5, 6, 9, 14, 15
CELL, STRUCT, OBJECT, DOUBLES, BYTES, UINT32S, FUNCTION, OPAQUE = 1, 2, 3, 6, 9, 13, 16, 17


def part(kind: int, content: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}II", kind, len(content)) + content + bytes(-len(content) % 8)


def matrix(number: int, *parts: bytes, order: str = "<") -> bytes:
    flags = part(UINT32, struct.pack(f"{order}II", number, 0), order)
    return part(MATRIX, b"".join((flags, *parts)), order)


def sides(rows: int, columns: int, order: str = "<") -> bytes:
    return part(INT32, struct.pack(f"{order}ii", rows, columns), order)


def numbers(name: str, values: np.ndarray, order: str = "<") -> bytes:
    shape, text = sides(values.shape[0], values.shape[1], order), part(INT8, name.encode(), order)
    return matrix(
        DOUBLES, shape, text, part(DOUBLE, values.astype(f"{order}f8").tobytes(order="F"), order), order=order
    )


def an_object(name: str, kind: str) -> bytes:
    """An object of a class of MATLAB's new system: its name, how it is stored, its class, and where its values lie."""
    place = np.array([0xDD000000, 2, 1, 1, 1, 1], "<u4").tobytes()
    value = matrix(UINT32S, sides(6, 1), part(INT8, b""), part(UINT32, place))
    return matrix(OPAQUE, part(INT8, name.encode()), part(INT8, b"MCOS"), part(INT8, kind.encode()), value)


def an_old_object(name: str) -> bytes:
    fields = part(INT32, struct.pack("<i", 32)) + part(INT8, b"x".ljust(32, b"\0"))
    value = matrix(DOUBLES, sides(1, 1), part(INT8, b""), part(DOUBLE, struct.pack("<d", 1.0)))
    return matrix(OBJECT, sides(1, 1), part(INT8, name.encode()), part(INT8, b"inline"), fields, value)


def a_handle(name: str) -> bytes:
    return matrix(FUNCTION, sides(1, 1), part(INT8, name.encode()), matrix(STRUCT, sides(1, 1), part(INT8, b"")))


def workspace() -> bytes:
    """The variable without a name in which MATLAB keeps the values of all objects."""
    return matrix(BYTES, sides(1, 64), part(INT8, b""), part(UINT8, bytes(64)))


def write(path: Path, elements: Sequence[bytes], *, packed: bool = False, order: str = "<") -> Path:
    mark = b"\x00\x01IM" if order == "<" else b"\x01\x00MI"
    content = b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(116) + struct.pack("<Q", 64) + mark
    for element in elements:
        content += part_packed(element) if packed else element
    path.write_bytes(content)
    return path


def part_packed(element: bytes) -> bytes:
    deflated = zlib.compress(element)
    return struct.pack("<II", COMPRESSED, len(deflated)) + deflated


SIGNAL = np.random.default_rng(0).standard_normal((300, 1))
RECORDING = (numbers("Data", SIGNAL), numbers("SampleFrequency", np.array([[20_000.0]])))
BESIDE = {kind: an_object("beside", kind) for kind in CLASSES} | {
    "old object": an_old_object("beside"),
    "function handle": a_handle("beside"),
    "cut element": part(MATRIX, b"\0" * 8),
    "unknown class": matrix(99, sides(1, 1), part(INT8, b"beside")),
    "text that is not ASCII": matrix(4, sides(1, 4), part(INT8, b"beside"), part(16, b"\xff\xfe\xff\xfe")),
    "negative size": matrix(DOUBLES, sides(-5, 3), part(INT8, b"beside"), part(DOUBLE, b"")),
    "huge claim": matrix(DOUBLES, sides(2**31 - 1, 1000), part(INT8, b"beside"), part(DOUBLE, b"")),
}


@pytest.mark.parametrize("packed", [False, True], ids=["v6", "v7"])
@pytest.mark.parametrize("first", [True, False], ids=["before", "behind"])
@pytest.mark.parametrize("kind", sorted(BESIDE))
def test_a_variable_of_any_kind_beside_the_signal_decides_nothing(
    tmp_path: Path, kind: str, first: bool, packed: bool
) -> None:
    beside = (BESIDE[kind], workspace())
    elements = (*beside, *RECORDING) if first else (*RECORDING, *beside)
    path = write(tmp_path / "N_800_1.mat", elements, packed=packed)
    alone = write(tmp_path / "N_800_2.mat", RECORDING, packed=packed)
    [found], [plain] = convert_file(path), convert_file(alone)
    np.testing.assert_array_equal(found.signal, plain.signal)
    np.testing.assert_allclose(found.signal[0], SIGNAL[:, 0].astype(np.float32))


def test_a_damaged_variable_beside_the_signal_decides_nothing(tmp_path: Path) -> None:
    damaged = bytearray(part_packed(numbers("beside", SIGNAL)))
    damaged[12:60] = bytes(48)
    content = write(tmp_path / "x.mat", ()).read_bytes() + bytes(damaged)
    path = tmp_path / "N_800_1.mat"
    path.write_bytes(content + b"".join(map(part_packed, RECORDING)))
    assert convert_file(path)[0].signal.shape == (1, 300)


def test_a_damaged_signal_is_said_to_be_damaged_in_words_about_the_file(tmp_path: Path) -> None:
    damaged = bytearray(part_packed(RECORDING[0]))
    damaged[-400:-300] = bytes(100)
    path = tmp_path / "N_800_1.mat"
    path.write_bytes(write(tmp_path / "x.mat", ()).read_bytes() + bytes(damaged) + part_packed(RECORDING[1]))
    with pytest.raises(DataError, match="damaged, or no MATLAB file: Error -3 while decompressing"):
        convert_file(path)


def test_objects_are_listed_by_their_class(tmp_path: Path) -> None:
    path = write(tmp_path / "x.mat", (an_object("when", "datetime"), *RECORDING, a_handle("f"), workspace()))
    assert list(map(str, formats.variables(path))) == [
        "when (1×1 datetime)",
        "Data (300×1 double)",
        "SampleFrequency (1×1 double)",
        "f (1×1 function)",
    ]


def test_the_other_byte_order_is_read_as_well(tmp_path: Path) -> None:
    elements = (numbers("Data", SIGNAL, ">"), numbers("SampleFrequency", np.array([[20_000.0]]), ">"))
    path = write(tmp_path / "N_800_1.mat", elements, order=">")
    np.testing.assert_allclose(convert_file(path)[0].signal[0], SIGNAL[:, 0].astype(np.float32))


def test_no_words_of_python_reach_the_user(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    whole = write(tmp_path / "x.mat", RECORDING).read_bytes()
    reasons: list[str] = []
    requests = []
    for number in range(300):
        content = bytearray(whole)
        content[128 + int(rng.integers(200))] = int(rng.integers(256))
        path = tmp_path / f"N_800_{number}.mat"
        path.write_bytes(content)
        requests.append(Request(path.name, str(path)))
    with Reader() as reader:  # SciPy can be made to crash by a damaged file
        reasons = [str(found) for found in reader.read_all(requests) if isinstance(found, DataError)]
    assert reasons
    words = ("NoneType", "object", "iterable", "attribute", "subscript", "argument", "reshape", "Traceback")
    assert [reason for reason in reasons if any(word in reason for word in words)] == []

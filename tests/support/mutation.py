"""Files that were damaged, or made to do harm: bytes, archives and descriptions changed by chance."""

from __future__ import annotations

import io
import json
import random
import re
import zipfile
from typing import Any

NUMBERS: tuple[int, ...] = (0, -1, 1, 2, 7, 255, 65_536, 10**6, 2**31 - 1, 2**31, 2**40, 2**63, 10**19, -(2**31))
ODD: tuple[Any, ...] = (
    *NUMBERS,
    *("", "x", "builtins", "os.system", "NdArrayNode", "\u0000", "1" * 5000, "1e999"),
    *(None, True, [], {}, 1.5),
)


def mutated(whole: bytes, rng: random.Random) -> bytes:
    """Some bytes overwritten, by edges of what a byte can be as often as by chance; or cut; or a part doubled."""
    content = bytearray(whole)
    for _ in range(rng.choice([1, 2, 8])):
        # Half of all where headers, names and sizes stand.
        at = rng.randrange(len(content) if rng.random() < 0.5 else min(len(content), 600))
        for offset in range(rng.choice([1, 4])):
            if at + offset < len(content):
                content[at + offset] = rng.choice([0, 1, 127, 128, 255, rng.randrange(256)])
    kind = rng.random()
    if kind < 0.15:
        return bytes(content[: rng.randrange(1, len(content))])
    if kind < 0.25:
        start = rng.randrange(len(content))
        return bytes(content[: start + 200] + content[start:])
    return bytes(content)


def mutated_end(whole: bytes, rng: random.Random) -> bytes:
    """The same, where a file of Parquet says what is in it: before its end."""
    start = max(0, len(whole) - 2000)
    return whole[:start] + mutated(whole[start:], rng)


def mutated_zip(whole: bytes, rng: random.Random) -> bytes:
    """One member of a zip file mutated, and packed again so that its check sum holds; or the zip file itself."""
    if rng.random() < 0.2:
        return mutated(whole, rng)
    with zipfile.ZipFile(io.BytesIO(whole)) as file:
        members = {name: file.read(name) for name in file.namelist()}
    # A forest's description is one member of hundreds, and says most.
    described = [name for name in members if name.endswith(".json")]
    name = rng.choice(described if described and rng.random() < 0.5 else list(members))
    kind = rng.random()
    if kind < 0.1:
        del members[name]
    elif kind < 0.2:
        members[name] = members[rng.choice(list(members))]
    elif name.endswith(".json"):
        members[name] = mutated_json(members[name], rng)
    elif kind < 0.6:
        members[name] = mutated_numbers(members[name], rng, within=128)
    else:
        members[name] = mutated(members[name], rng)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for member, content in members.items():
            file.writestr(member, content)
    return packed.getvalue()


def mutated_tensors(whole: bytes, rng: random.Random) -> bytes:
    """The description at the beginning of a safetensors file mutated, its length told right; or the file itself."""
    length = int.from_bytes(whole[:8], "little")
    header, rest = whole[8 : 8 + length], whole[8 + length :]
    kind = rng.random()
    if kind < 0.3:
        return mutated(whole, rng)
    header = mutated_json(header, rng) if kind < 0.7 else mutated_numbers(header, rng)
    return len(header).to_bytes(8, "little") + header + rest


def mutated_numbers(text: bytes, rng: random.Random, within: int | None = None) -> bytes:
    """Numbers in a text replaced by others; `within` its first bytes."""
    found = list(re.finditer(rb"\d+", text[:within]))
    for match in sorted(rng.sample(found, min(len(found), rng.choice([1, 2]))), key=lambda one: -one.start()):
        text = text[: match.start()] + str(rng.choice(NUMBERS)).encode() + text[match.end() :]
    return text


def mutated_json(text: bytes, rng: random.Random) -> bytes:
    """A value of a description replaced by another of it or by an odd one, removed, doubled, or nested."""
    whole = json.loads(text)
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            places.append((value, key))
            if isinstance(inner, dict | list):
                walk(inner)

    walk(whole)
    for _ in range(rng.choice([1, 1, 3])):
        parent, key = rng.choice(places)
        try:
            value = parent[key]
        except (KeyError, IndexError):
            continue
        other_parent, other_key = rng.choice(places)
        try:
            odd = (other_parent[other_key], value, [value, value], {"__loader__": value}, str(value), *ODD)
        except (KeyError, IndexError):
            continue
        made = rng.choice(odd)
        if rng.random() < 0.1:
            del parent[key]
        else:
            parent[key] = json.loads(json.dumps(made))
    return json.dumps(whole).encode()

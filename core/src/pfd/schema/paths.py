"""What stands at a path of parameters or of a result, such as `bearings.0.records`."""

from __future__ import annotations

from collections.abc import Sequence

from pfd.schema.shape import Shape


def at(shape: Shape, path: Sequence[str]) -> Shape | None:
    """What stands at a path, of names and of numbers in lists; None where anything may.

    Raises
    ------
    LookupError : nothing can be there; says what is there instead.
    """
    found = shape
    for depth, part in enumerate(path):
        if not found.is_said:
            return None
        inner = found.inside(part)
        if inner is None:
            where = f" in {'.'.join(path[:depth])!r}" if depth else ""
            raise LookupError(f"no result field {part!r}{where}; {_instead(found)}")
        found = inner
    return found if found.is_said else None


def _instead(shape: Shape) -> str:
    if names := shape.names:
        return f"it has {', '.join(names)}"
    types = dict.fromkeys(one for arm in shape.alternatives for one in (sorted(arm.types) or ["choice"]))
    return f"it is of type {' or '.join(types)}"

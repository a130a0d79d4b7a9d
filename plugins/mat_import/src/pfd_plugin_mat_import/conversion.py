"""From a file to its recordings.  Runs in the reading process only: it loads the readers of all formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from pfd import DataError
from pfd_plugin_mat_import import formats
from pfd_plugin_mat_import import mapping as user
from pfd_plugin_mat_import.assembly import Imported, assemble
from pfd_plugin_mat_import.layouts import LAYOUTS, Layout, MatFile, generic, recognised
from pfd_plugin_mat_import.names import contradicted
from pfd_plugin_mat_import.params import FileMapping
from pfd_plugin_mat_import.recorded_file import Variable, sha256_of

SHOWN = 8
"""Variables that are named of a file whose layout is unknown."""


def convert_file(
    path: Path,
    layout: str = "auto",
    mapping: FileMapping | None = None,
    *,
    name: PurePosixPath | None = None,
    row: Mapping[str, str] | None = None,
) -> tuple[Imported, ...]:
    """The recordings in a file: one, or as many as its arrays hold where the mapping says that they hold several.

    `name` is the path of the file within its source where that is not what it is read from; `row` what the user's
    table says of it.

    Raises
    ------
    DataError : the reason why there is none.
    """
    mapping = mapping or FileMapping()
    name = name or PurePosixPath(path.name)
    variables = formats.variables(path, name.suffix, mapping.header)
    names = [variable.name for variable in variables]
    known = None if mapping.channels else _layout(variables, layout)
    own = set(known.wanted(name, names)) if known else set()
    wanted = own | set(user.variables_of(mapping, names))
    asked = [variable for variable in variables if variable.name in wanted]
    values = formats.read(path, asked, name.suffix, mapping.header)
    if known:
        drafts = [
            known.convert(MatFile(name, {held: values[held] for held in names if held in own and held in values}))
        ]
    else:
        shapes = {variable.name: variable.shape for variable in variables}
        drafts = generic.convert(name, values, mapping, shapes, user.beside(mapping, names))
    given = user.columns(mapping, name, values, row or {}, len(drafts))
    speed, sha256 = user.speed(mapping, values), sha256_of(path)
    found = []
    for draft, (columns, notes) in zip(drafts, given, strict=True):
        draft = replace(draft, notes=(*draft.notes, *user.unmet(mapping, name), *notes))
        made = assemble(
            draft, columns, mapping.words, sha256, unlabelled=mapping.unlabelled, gaps=mapping.gaps, speed=speed
        )
        odd = contradicted(name, made.info.fault_type, made.info.origins.get("fault_type"))
        found.append(replace(made, notes=(*made.notes, *odd)))
    return tuple(found)


def _layout(variables: Sequence[Variable], wanted: str) -> Layout:
    held = (
        ", ".join(map(str, variables[:SHOWN])) + (", …" if len(variables) > SHOWN else "") if variables else "nothing"
    )
    try:
        layout = recognised([variable.name for variable in variables], wanted)
    except DataError as error:
        raise DataError(f"{error.message}: it holds {held}") from error
    if layout is None:
        raise DataError(
            f"none of the layouts {', '.join(LAYOUTS)}: it holds {held}; mapping.channels can say where its signals lie"
        )
    return layout

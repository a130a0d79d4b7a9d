"""`pfd new-plugin`: a plugin to start from, that works as it is."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import re
import shutil
import string
import tempfile
from pathlib import Path

import click

import pfd
from pfd.console import echo, one_line
from pfd.errors import ParameterError, PfdError
from pfd.plugins import GROUP

LONGEST = 40

# Where each file of the template goes.
FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "__init__.py": "src/pfd_plugin_{name}/__init__.py",
    "plugin.py": "src/pfd_plugin_{name}/plugin.py",
    "params.py": "src/pfd_plugin_{name}/params.py",
    "tasks.py": "src/pfd_plugin_{name}/tasks.py",
    "views.py": "src/pfd_plugin_{name}/views.py",
    "records.py": "src/pfd_plugin_{name}/records.py",
    "store.py": "src/pfd_plugin_{name}/store.py",
    "migrations.py": "src/pfd_plugin_{name}/migrations/__init__.py",
    "migration.py": "src/pfd_plugin_{name}/migrations/0001_levels.py",
    "test.py": "tests/test_{name}.py",
}


@click.command("new-plugin")
@click.argument("name")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    default=".",
    help="Where to make the folder of the plugin; here where left out.",
)
def new_plugin(name: str, directory: Path) -> None:
    """Write a plugin called NAME: a task, a view, a setting and a row, with tests that pass.

    It is written to a folder pfd-plugin-NAME, which must not exist yet.
    """
    name = _checked(name)
    target = directory / f"pfd-plugin-{name.replace('_', '-')}"
    write(name, target)
    for path in sorted(target.rglob("*")):
        if path.is_file():
            echo(one_line(path))
    commands = (
        f"pip install -e {target}",
        f"pfd tasks show {name}_level_task",
        f"pytest {target}",
        f"pfd plugins check {name}    # after each change: is all there that the plugin names",
    )
    echo("\n".join(["\nnext:", *(f"  {command}" for command in commands)]))


def _checked(name: str) -> str:
    """The name as Python writes it.  Raises `ParameterError` for one that cannot be used."""
    plain = name.replace("-", "_")
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", plain) or len(plain) > LONGEST:
        raise ParameterError(
            f"name={name!r}: a plugin is called by lower-case letters, digits and single dashes, "
            f"beginning with a letter, at most {LONGEST} in all",
            hint="pfd new-plugin gearbox",
        )
    for entry in importlib.metadata.entry_points(group=GROUP):
        if entry.name == plain:
            dist = entry.dist.name if entry.dist else entry.value
            raise ParameterError(
                f"name={name!r}: a plugin of that name is installed ({dist})", hint="choose another name"
            )
    return plain


def write(name: str, target: Path) -> None:
    """Write the plugin, whole or not at all.

    Raises
    ------
    ParameterError : the folder exists already.
    PfdError : it cannot be written.
    """
    if target.exists() or target.is_symlink():
        raise ParameterError(f"{target} exists already", hint="choose another name, or another --directory")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            _fill(draft, name)
            draft.chmod(0o755)
            draft.rename(target)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
    except OSError as error:
        raise PfdError(f"{target} cannot be written: {error.strerror or error}") from error


def _fill(folder: Path, name: str) -> None:
    words = {
        "name": name,
        "dashed": name.replace("_", "-"),
        "capitals": f"PFD_{name.upper()}",
        "version": pfd.__version__,
    }
    template = importlib.resources.files("pfd.cli") / "template"
    for source, place in FILES.items():
        text = string.Template((template / f"{source}.tmpl").read_text(encoding="utf-8")).substitute(words)
        path = folder / place.format(name=name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "src" / f"pfd_plugin_{name}" / "py.typed").touch()

"""Checks plugins: each by itself, and with what the others declare."""

from __future__ import annotations

import importlib.metadata
import os
import threading
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import EntryPoint

from pfd import entrypoints
from pfd.check.between import compare
from pfd.check.finding import Finding
from pfd.check.outside import Looked, look
from pfd.errors import ParameterError
from pfd.hints import Hint
from pfd.plugins import GROUP
from pfd.settings import Settings

PATIENCE = 60.0
"""Seconds that the code of a plugin may take for one thing."""

PATIENCE_WITH_OTHERS = 10.0
"""Seconds that the manifest of a plugin may take which is only compared with."""


def installed() -> list[EntryPoint]:
    """The entry points of all plugins as they are loaded; one that is installed twice counts once."""
    found = reversed(tuple(importlib.metadata.entry_points(group=GROUP)))
    return [entry for _, entry in sorted({(entry.name, entry.value): entry for entry in found}.items())]


def named(names: Collection[str], settings: Settings) -> list[EntryPoint]:
    """The plugins of those names; without any name, all that are not disabled.

    Raises
    ------
    ParameterError : no plugin has one of the names; the nearest is given.
    """
    entries = installed()
    if not names:
        return [entry for entry in entries if _enabled(entry.name, settings)]
    known = [*(entry.name for entry in entries), *(finding.plugin for finding in unreadable(()))]
    for name in names:
        if name not in known:
            hint = Hint.did_you_mean(name, known, f"there are: {', '.join(known) or 'none'}")
            raise ParameterError(f"there is no plugin {name!r}", hint=hint)
    return [entry for entry in entries if entry.name in names]


def check(
    entries: Sequence[EntryPoint], settings: Settings, builtin: Collection[str], patience: float = PATIENCE
) -> list[Finding]:
    """What is wrong with plugins, by plugin and in the order of the checks.

    The others that are enabled are only asked what they declare.

    Parameters
    ----------
    builtin : the commands of PFD itself.
    patience : seconds that the code of a plugin may take for one thing.
    """
    chosen = {(entry.name, entry.value) for entry in entries}
    others = [e for e in installed() if (e.name, e.value) not in chosen and _enabled(e.name, settings)]
    everyone = sorted([*entries, *others], key=lambda entry: (entry.name, entry.value))

    stop = threading.Event()

    def looked_at(entry: EntryPoint) -> Looked:
        if (entry.name, entry.value) in chosen:
            return look(entry, patience, stop)
        return look(entry, min(patience, PATIENCE_WITH_OTHERS), stop, deep=False)

    with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2)) as pool:
        try:
            looked = list(pool.map(looked_at, everyone))
        except BaseException:  # Ctrl-C
            stop.set()
            raise
    names = {entry.name for entry in entries}
    alone = [finding for one in looked for finding in one.findings if finding.plugin in names]
    declared = [one for each in looked for one in each.declared]
    between = compare(declared, builtin, whole=all(one.whole for one in looked))
    found = [*alone, *(finding for finding in between if finding.plugin in names)]
    return sorted(found, key=lambda finding: finding.plugin)


def unreadable(names: Collection[str]) -> list[Finding]:
    """Lists of entry points that cannot be read, of some distributions or, without any name, of all."""
    found = ((file.parent.name.partition("-")[0], file, reason) for file, reason in entrypoints.unreadable(GROUP))
    hint = "mend the entry points in pyproject.toml, and install it again"
    return [
        Finding(name, "entry points", "", f"cannot be read: {reason}", hint, str(file))
        for name, file, reason in found
        if not names or name in names
    ]


def _enabled(name: str, settings: Settings) -> bool:
    return name not in settings.disable_plugins and (not settings.plugins or name in settings.plugins)

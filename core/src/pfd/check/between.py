"""What plugins declare, compared with each other: names that others have, and views of what nobody gives."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from pfd import reserved
from pfd.check.finding import Declared, Finding
from pfd.hints import Hint


def compare(declared: Sequence[Declared], builtin: Collection[str], whole: bool) -> Iterator[Finding]:
    """What is wrong between declarations, in the order in which plugins are loaded.

    `builtin` are the commands of PFD itself; `whole` says whether all other plugins could be asked what they declare.
    """
    yield from _tasks([one for one in declared if one.kind == "task"])
    yield from _commands([one for one in declared if one.kind == "command"], builtin)
    yield from _tables([one for one in declared if one.kind == "tables"])
    yield from _settings([one for one in declared if one.kind == "settings"])
    kinds = [one.name for one in declared if one.kind == "reference"]
    for one in declared:
        if one.kind == "refers" and one.name not in kinds and (whole or Hint.did_you_mean(one.name, kinds)):
            task, parameter = one.fields or ("", "")
            problem = f"names a {one.name!r}, and no plugin keeps such things"
            yield Finding(one.plugin, f"task {task}", parameter, problem, Hint.did_you_mean(one.name, kinds), one.path)
    for view in declared:
        if view.kind == "view":
            own_last = sorted(declared, key=lambda one: one.plugin == view.plugin)
            yield from _view(view, {one.name: one.fields for one in own_last if one.kind == "task"}, whole)


def _tasks(tasks: Sequence[Declared]) -> Iterator[Finding]:
    for task in tasks:
        if why := reserved.refusal(task.name, task.distribution):
            hint = f"{reserved.HINT}: it is taken from no other distribution"
            yield Finding(task.plugin, f"task {task.name}", "name", why, hint, task.path)
            continue
        others = [
            one
            for one in tasks
            if one.name == task.name and one is not task and not reserved.refusal(one.name, one.distribution)
        ]
        if others:
            problem = f"is claimed by {others[0].plugin} ({others[0].distribution}), too, so neither is taken"
            yield Finding(task.plugin, f"task {task.name}", "name", problem, "choose another name", task.path)


def _commands(commands: Sequence[Declared], builtin: Collection[str]) -> Iterator[Finding]:
    first: dict[str, Declared] = {}
    for command in commands:
        subject = f"command {command.name}"
        if command.name in builtin:
            problem = "is a command of PFD itself, which hides this one"
            yield Finding(command.plugin, subject, "name", problem, "choose another name", command.path)
        elif (other := first.setdefault(command.name, command)) is not command:
            problem = f"is a command of {other.plugin} ({other.distribution}), too, which hides this one"
            yield Finding(command.plugin, subject, "name", problem, "choose another name", command.path)


def _tables(tables: Sequence[Declared]) -> Iterator[Finding]:
    first: dict[str, Declared] = {}
    for one in tables:
        if (other := first.setdefault(one.name, one)) is not one:
            problem = f"is the name of tables of {other.plugin} ({other.distribution}), too"
            yield Finding(one.plugin, f"records {one.name}", "name", problem, "choose another name", one.path)


def _settings(settings: Sequence[Declared]) -> Iterator[Finding]:
    for one in settings:
        for other in settings:
            if other is not one and (taken := sorted(set(one.fields or ()) & set(other.fields or ()))):
                problem = f"{', '.join(taken)} would be read by {other.plugin} ({other.distribution}), too"
                hint = "give the plugin, or the field, another name"
                yield Finding(one.plugin, f"settings {one.name}", "table", problem, hint, one.path)


def _view(view: Declared, fields: Mapping[str, Sequence[str] | None], whole: bool) -> Iterator[Finding]:
    subject = f"result view {view.name}"
    if view.name not in fields:
        hint = Hint.did_you_mean(view.name, fields)
        if whole or hint:
            yield Finding(view.plugin, subject, "task", f"there is no task {view.name!r}", hint, view.path)
        return
    if (known := fields[view.name]) is None:
        return
    for name in view.fields or ():
        if name not in known:
            hint = Hint.did_you_mean(name, known, f"it has {', '.join(known) or 'no fields'}")
            yield Finding(view.plugin, subject, "fields", f"the result has no field {name!r}", hint, view.path)

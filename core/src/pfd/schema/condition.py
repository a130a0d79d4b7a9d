"""Conditions: under which values of other parameters something applies, as a schema holds them and in words."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import to_jsonable_python

NOT = "not"
"""In a schema, `{"kind": {"not": ["a"]}}` is a clause for all values of `kind` but `"a"`."""


def plain(value: Any) -> Any:
    """A value of Python as JSON has it: that of an enumeration, a list for a tuple; what has no JSON as its text."""
    try:
        return to_jsonable_python(value, fallback=repr)
    except Exception:  # whatever it is, or holds, it is no value that anything depends on
        return repr(type(value))


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are one and the same: 1 is 1.0, and is not True."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def word(value: Any) -> str:
    """A JSON value as it is typed."""
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, default=repr)


@dataclass(frozen=True)
class Clause:
    """One parameter, and the values that it has to have, or (`negated`) must not have.

    A list has a value where it holds it: `noise_layers=mains`.  `None` is what is left out.
    """

    name: str
    values: tuple[Any, ...]
    negated: bool = False

    def holds(self, value: Any) -> bool:
        """Whether the parameter has one of the values."""
        found = plain(value)
        several = [found, *found] if isinstance(found, list) else [found]
        return any(same(one, wanted) for one in several for wanted in self.values) is not self.negated

    def in_words(self, prefix: str = "") -> str:
        """As in `simulator=rotor`; `prefix` is the group of the parameter, as `split.`."""
        name = f"{prefix}{self.name}"
        if self.values == (None,):
            return f"{name} {'given' if self.negated else 'left out'}"
        values = " or ".join(word(value) for value in self.values)
        return f"{name} other than {values}" if self.negated else f"{name}={values}"


@dataclass(frozen=True)
class Condition:
    """Clauses on other parameters of the same group, all of which have to hold.  Without any it is false, and holds."""

    clauses: tuple[Clause, ...] = ()

    @staticmethod
    def of(given: Mapping[str, Any], *, negated: bool = False) -> Condition:
        """Of the keywords of a mark: a value, or several as a tuple, a list or a set."""
        return Condition(tuple(Clause(name, _several(value), negated) for name, value in given.items()))

    @staticmethod
    def from_json(given: object) -> Condition:
        """As a schema holds it; what cannot be understood is left out."""
        return Condition(tuple(_clauses(given)))

    def to_json(self) -> dict[str, Any]:
        """As a schema holds it: the values of each parameter in a list, behind `not` where they must not be."""
        return {one.name: {NOT: list(one.values)} if one.negated else list(one.values) for one in self.clauses}

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters that it asks for."""
        return tuple(clause.name for clause in self.clauses)

    def holds(self, values: Mapping[str, Any]) -> bool | None:
        """Whether all clauses hold with these values by name; None where that depends on one that is not among them."""
        known = [clause.holds(values[clause.name]) for clause in self.clauses if clause.name in values]
        return False if False in known else None if len(known) < len(self.clauses) else True

    def in_words(self, prefix: str = "") -> str:
        """As in `simulator=rotor and rpm given`; `prefix` is the group of the parameters, as `split.`."""
        return " and ".join(clause.in_words(prefix) for clause in self.clauses)

    def __bool__(self) -> bool:
        return bool(self.clauses)

    def __str__(self) -> str:
        return self.in_words()


def _several(value: Any) -> tuple[Any, ...]:
    if isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping):
        return tuple(plain(one) for one in value)
    return (plain(value),)


def _clauses(given: object) -> Iterator[Clause]:
    for name, asked in given.items() if isinstance(given, Mapping) else ():
        negated = isinstance(asked, Mapping)
        values = asked.get(NOT) if isinstance(asked, Mapping) else asked
        if isinstance(name, str) and isinstance(values, list | tuple) and values:
            yield Clause(name, tuple(values), negated)

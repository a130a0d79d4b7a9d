"""Parameters and results of tasks as forms, tables and command lines read them: the one reader of their JSON schemas.

A model declares more than types: `Annotated[float, Unit("Hz"), Group("signal"), When(simulator="rotor")]`.  `fields_of`
reads that, for all parameters or for those that apply beside what is chosen already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pfd.lazy import lazy_names
from pfd.references import Choices, Refers

if TYPE_CHECKING:
    from pfd.schema.alternatives import cases
    from pfd.schema.bounds import Bounds
    from pfd.schema.choice import Choice, Source, choices_of
    from pfd.schema.condition import Clause, Condition
    from pfd.schema.dependence import DependentDefault
    from pfd.schema.document import json_schema
    from pfd.schema.faults import MarkFault, mark_faults
    from pfd.schema.field import Field, fields_of, fields_within, listed
    from pfd.schema.holding import Misplaced, Missing, misplaced, missing, with_defaults
    from pfd.schema.making import example, samples
    from pfd.schema.marks import DefaultWhen, Group, Needed, OrNamed, Unit, Unless, When
    from pfd.schema.paths import at
    from pfd.schema.shape import Kind, Shape, shape_of
    from pfd.schema.typed import text_of, value_of
    from pfd.schema.words import (
        allowed_in_words,
        condition_in_words,
        default_in_words,
        type_in_words,
        value_in_words,
    )

# Declaring: marks of a field, and what validators make of them.  Reading: fields and shapes.  Using what was read.
__all__ = [
    "Bounds",
    "Choice",
    "Choices",
    "Clause",
    "Condition",
    "DefaultWhen",
    "DependentDefault",
    "Field",
    "Group",
    "Kind",
    "MarkFault",
    "Misplaced",
    "Missing",
    "Needed",
    "OrNamed",
    "Refers",
    "Shape",
    "Source",
    "Unit",
    "Unless",
    "When",
    "allowed_in_words",
    "at",
    "cases",
    "choices_of",
    "condition_in_words",
    "default_in_words",
    "example",
    "fields_of",
    "fields_within",
    "json_schema",
    "listed",
    "mark_faults",
    "misplaced",
    "missing",
    "samples",
    "shape_of",
    "text_of",
    "type_in_words",
    "value_in_words",
    "value_of",
    "with_defaults",
]

__getattr__ = lazy_names(
    __name__,
    {
        "bounds": ("Bounds",),
        "alternatives": ("cases",),
        "choice": ("Choice", "Source", "choices_of"),
        "condition": ("Clause", "Condition"),
        "document": ("json_schema",),
        "faults": ("MarkFault", "mark_faults"),
        "dependence": ("DependentDefault",),
        "field": ("Field", "fields_of", "fields_within", "listed"),
        "holding": ("Misplaced", "Missing", "misplaced", "missing", "with_defaults"),
        "marks": ("DefaultWhen", "Group", "Needed", "OrNamed", "Unit", "Unless", "When"),
        "paths": ("at",),
        "making": ("example", "samples"),
        "shape": ("Kind", "Shape", "shape_of"),
        "typed": ("text_of", "value_of"),
        "words": ("allowed_in_words", "condition_in_words", "default_in_words", "type_in_words", "value_in_words"),
    },
)

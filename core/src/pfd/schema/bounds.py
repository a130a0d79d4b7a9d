"""What is allowed of a value beside its type: limits of a number, of a length."""

from __future__ import annotations

from dataclasses import dataclass

from pfd.schema.node import Node, count, number, text


@dataclass(frozen=True)
class Bounds:
    """Limits of a number (in its unit), of the length of a text in characters, of how many stand in a list."""

    minimum: int | float | None = None
    exclusive_minimum: int | float | None = None
    maximum: int | float | None = None
    exclusive_maximum: int | float | None = None
    multiple_of: int | float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str = ""
    min_items: int | None = None
    max_items: int | None = None
    unique_items: bool = False

    @staticmethod
    def of(node: Node) -> Bounds:
        """Those that a schema says."""
        return Bounds(
            minimum=number(node, "minimum"),
            exclusive_minimum=number(node, "exclusiveMinimum"),
            maximum=number(node, "maximum"),
            exclusive_maximum=number(node, "exclusiveMaximum"),
            multiple_of=number(node, "multipleOf") or None,
            min_length=count(node, "minLength"),
            max_length=count(node, "maxLength"),
            pattern=text(node, "pattern"),
            min_items=count(node, "minItems"),
            max_items=count(node, "maxItems"),
            unique_items=node.get("uniqueItems") is True,
        )

    def admit(self, value: float) -> bool:
        """Whether a number lies within them."""
        return not (
            (self.minimum is not None and value < self.minimum)
            or (self.exclusive_minimum is not None and value <= self.exclusive_minimum)
            or (self.maximum is not None and value > self.maximum)
            or (self.exclusive_maximum is not None and value >= self.exclusive_maximum)
            or (self.multiple_of is not None and value % self.multiple_of != 0)
        )

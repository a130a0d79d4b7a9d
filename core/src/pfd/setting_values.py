"""Values of settings of plugins: read from the text of a variable as their type says, and shown without secrets."""

from __future__ import annotations

import collections.abc
import dataclasses
import json
import logging
import os
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from pfd.urls import HIDDEN, mask_setting, url_secrets

log = logging.getLogger("pfd.settings")

_LISTS = (list, tuple, set, frozenset, collections.abc.Collection)
_TEXTS = (str, bytes, SecretStr, SecretBytes)

DEEPEST = 20
"""Levels of a value that are looked into."""


def value_of(annotation: Any, value: Any, is_text: bool, folder: str = "") -> Any:
    """What a model is to check, of a value that was given.

    Of a text that is a variable, lists are separated by commas, and what is nested is JSON.  A relative path of a file
    starts from the folder of that file.

    Raises
    ------
    ValueError : a text that is to be JSON is none.
    """
    if is_text:
        value = _of_text(annotation, value)
    return _placed(annotation, value, folder)


def _of_text(annotation: Any, text: str) -> Any:
    kinds = list(_alternatives(annotation))
    if type(None) in kinds and text.strip() in ("", "none") and not any(map(_is_text, kinds)):
        return None
    kinds = [kind for kind in kinds if kind is not type(None)]
    if text in (choices := _choices(kinds)):
        return choices[text]
    if not kinds or any(map(_is_text, kinds)):
        return text
    if any(map(_is_nested, kinds)):
        return _json(text)
    if lists := [kind for kind in kinds if _is_list(kind)]:
        items = [item for kind in lists for item in typing.get_args(kind) if item is not ...]
        if text.lstrip().startswith("[") or any(_is_nested(one) or _is_list(one) for item in items
                                                for one in _alternatives(item)):  # fmt: skip
            return _json(text)
        return [_of_item(items, part.strip()) for part in text.split(",") if part.strip()]
    return text


def _of_item(items: list[Any], text: str) -> Any:
    return _of_text(items[0], text) if len(items) == 1 else text


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _placed(annotation: Any, value: Any, folder: str) -> Any:
    """A value in which paths stand without `~`, and from the folder of their file on."""
    kinds = list(_alternatives(annotation))
    if isinstance(value, str) and value in _choices(kinds).values():
        return value
    if isinstance(value, str) and value and any(_is_path(kind) for kind in kinds):
        try:
            path = Path(value).expanduser()
        except RuntimeError:
            raise ValueError(f"there is no home folder for {Path(value).parts[0]}") from None
        return os.path.join(folder, path) if folder else str(path)  # noqa: PTH118  (an absolute one stays)
    if isinstance(value, list) and any(_is_list(kind) for kind in kinds):
        items = [item for kind in kinds for item in typing.get_args(kind) if item is not ...]
        return [_placed(items[0], one, folder) for one in value] if len(items) == 1 else value
    if isinstance(value, dict) and (by_name := next(filter(_is_by_name, kinds), None)) is not None:
        return {name: _placed(typing.get_args(by_name)[1], one, folder) for name, one in value.items()}
    return value


def _choices(kinds: Iterable[Any]) -> dict[str, Any]:
    """The values that types name one by one, by how they are written."""
    literals = (kind for kind in kinds if typing.get_origin(kind) is typing.Literal)
    return {str(choice): choice for kind in literals for choice in typing.get_args(kind)}


def _alternatives(annotation: Any) -> Iterator[Any]:
    """The types that an annotation allows, one by one."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        yield from _alternatives(typing.get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for one in typing.get_args(annotation):
            yield from _alternatives(one)
    else:
        yield annotation


def _class(kind: Any) -> type[Any]:
    found = typing.get_origin(kind) or kind
    return found if isinstance(found, type) else object


def _is_text(kind: Any) -> bool:
    return kind in (Any, object) or issubclass(_class(kind), _TEXTS) or hasattr(_class(kind), "get_secret_value")


def _is_path(kind: Any) -> bool:
    return issubclass(_class(kind), os.PathLike) or issubclass(_class(kind), Path)


def _is_nested(kind: Any) -> bool:
    found = _class(kind)
    return issubclass(found, BaseModel | collections.abc.Mapping) or dataclasses.is_dataclass(found)


def _is_by_name(kind: Any) -> bool:
    return issubclass(_class(kind), collections.abc.Mapping) and len(typing.get_args(kind)) == 2


def _is_list(kind: Any) -> bool:
    return issubclass(_class(kind), _LISTS) and not _is_nested(kind) and not issubclass(_class(kind), str | bytes)


def is_secret(annotation: Any, _depth: int = 0) -> bool:
    """Whether a value of that type holds anything that is declared to be secret."""
    if _depth > DEEPEST:
        return True  # nobody has said that it is not
    if hasattr(_class(annotation), "get_secret_value"):
        return True
    inner: list[Any] = [] if typing.get_origin(annotation) is typing.Literal else [*typing.get_args(annotation)]
    if issubclass(_class(annotation), BaseModel):
        inner += [field.annotation for field in _class(annotation).model_fields.values()]
    elif dataclasses.is_dataclass(_class(annotation)):
        inner += [field.type for field in dataclasses.fields(_class(annotation))]
    return any(is_secret(one, _depth + 1) for one in inner if one is not annotation)


def secrets(model: type[BaseModel], raw: Mapping[str, Any]) -> Iterator[str]:
    """Texts of values that must not be shown: those of secret settings, and what is secret in a URL."""
    for key, value in raw.items():
        field = model.model_fields.get(key)
        secret = field is not None and is_secret(field.annotation)
        for text in _texts(value):
            yield from (text, repr(text)[1:-1]) if secret else url_secrets(text)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif value is not None and not isinstance(value, bool) and str(value):
        yield str(value)


def plain(value: Any, _depth: int = 0) -> Any:
    """A value as texts, numbers, lists and names with values, in which nothing is secret."""
    if _depth > DEEPEST:
        return "…"
    if (reveal := getattr(value, "get_secret_value", None)) is not None:
        return HIDDEN if reveal() else ""
    if isinstance(value, BaseModel):
        return {name: plain(one, _depth + 1) for name, one in value}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name), _depth + 1) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {mask_setting(str(name)): plain(one, _depth + 1) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one, _depth + 1) for one in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return mask_setting(value if isinstance(value, str) else _said(value))


def _said(value: object) -> str:
    try:
        return str(value)
    except Exception:  # somebody's own broken class
        return f"<{type(value).__name__}>"


def default_of(field: FieldInfo) -> Any:
    """What a setting is where nothing was given; None where there is no such thing."""
    try:
        return None if field.is_required() else field.get_default(call_default_factory=True, validated_data={})
    except Exception:  # a factory is code of the plugin; reading the settings raises it, and says so
        log.debug("the default of a setting cannot be made", exc_info=True)
        return None


def as_text(value: Any) -> str:
    """A value as a table of settings shows it: lists by commas, what is nested as JSON."""
    found = plain(value)
    if found is None:
        return ""
    if isinstance(found, list) and not any(isinstance(one, list | dict) for one in found):
        return ",".join(str(one) for one in found)
    return json.dumps(found, ensure_ascii=False, default=str) if isinstance(found, list | dict) else str(found)

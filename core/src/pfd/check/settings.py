"""The settings of a plugin: whether their defaults can be used, and whether what sounds secret is kept so."""

from __future__ import annotations

import re

from pfd.check.report import Report
from pfd.errors import PluginSettingsError
from pfd.plugin_settings import PluginSettings, read_settings
from pfd.setting_values import is_secret

_SOUNDS_SECRET = re.compile(r"(?:\A|_)(?:password|passwd|passphrase|secret|token|api_?key|credentials?)\Z")


def look_at(model: type[PluginSettings], report: Report, path: str) -> None:
    """Look at the settings of a plugin."""
    subject = f"settings {model.__name__}"
    if not any(field.is_required() for field in model.model_fields.values()):
        try:
            read_settings(model, ())
        except PluginSettingsError as error:
            hint = "give it a default that can be used, or none at all"
            report.add(subject, "default", str(error), hint=hint, path=path)
    for name, field in model.model_fields.items():
        if _SOUNDS_SECRET.search(name) and not is_secret(field.annotation):
            problem, hint = "is shown by 'pfd config' as it is", "declare what is secret as pydantic's SecretStr"
            report.add(subject, name, problem, hint=hint, path=path, level="warn")
        if not field.description:
            problem = "has no description, so 'pfd config' does not say what it is for"
            hint = 'Field(…, description="…")'
            report.add(subject, name, problem, hint=hint, path=path, level="warn")

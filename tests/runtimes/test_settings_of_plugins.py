"""A job on a runtime with a broker reads the settings of a plugin as its worker has them."""

from __future__ import annotations

import json
import os
import textwrap
from pathlib import Path
from typing import Any

import pytest

from pfd_contract import Site

MANIFEST = """
    from pydantic import Field, SecretStr
    from pfd import Params, PluginSettings, Result, Task, hookimpl

    class MailSettings(PluginSettings, table="mail"):
        port: int = Field(25, ge=1, description="its port")
        to: tuple[str, ...] = Field((), description="who gets it")
        token: SecretStr = Field(SecretStr(""), description="what it is signed with")

    class Nothing(Params):
        pass

    class Told(Result):
        port: int
        to: tuple[str, ...]
        signed: int

    @hookimpl
    def pfd_register_settings():
        return MailSettings

    @hookimpl
    def pfd_register_tasks():
        return [Task("mail_task", run="pfd_settings_mail.plugin:run", params=Nothing, result=Told, queue="default",
                     retry_on=("builtins:Exception",), max_attempts=3)]

    def run(params, ctx):
        found = ctx.settings.of(MailSettings)
        return Told(port=found.port, to=found.to, signed=len(found.token.get_secret_value()))
"""


def installed(folder: Path) -> str:
    """The search path of a program that finds the plugin."""
    package, info = folder / "pfd_settings_mail", folder / "pfd_settings_mail-1.2.dist-info"
    for one in (package, info):
        one.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "plugin.py").write_text(textwrap.dedent(MANIFEST), encoding="utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pfd_settings_mail\nVersion: 1.2\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[pfd.plugins]\nmail = pfd_settings_mail.plugin\n", encoding="utf-8")
    return os.pathsep.join([str(folder), os.environ["PYTHONPATH"]])


@pytest.mark.slow("starts two workers of each runtime")
def test_a_job_reads_what_the_environment_of_its_worker_says_and_fails_once_where_that_is_wrong(
    site: Site, tmp_path: Path
) -> None:
    plugins = ",".join([*site.settings.plugins, "mail"])
    both: Any = {"PYTHONPATH": installed(tmp_path / "site"), "PFD_PLUGINS": plugins}
    words = ("submit", "mail_task", "--wait", "--json")
    with site.worker(**both, PFD_MAIL_PORT="2525", PFD_MAIL_TO="a,b", PFD_MAIL_TOKEN="hunt3r2"):
        job, _ = json.JSONDecoder().raw_decode(site.pfd(*words, **both))  # lines of standard error come after it
        assert job["result"] == {"port": 2525, "to": ["a", "b"], "signed": 7}
    with site.worker(**both, PFD_MAIL_PORT="hot", PFD_MAIL_TOKEN="hunt3r2"):
        text = site.pfd(*words, expect=1, **both)
        job, _ = json.JSONDecoder().raw_decode(text)
    assert job["failure"]["type"] == "PluginSettingsError"
    assert job["failure"]["message"].startswith("setting mail.port='hot' from environment PFD_MAIL_PORT: ")
    assert (job["attempt"], "hunt3r2" in text) == (1, False)

"""A runtime of a third party that is of another kind than the protocol: one clear error, and no crash."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from core.tests.support.commands import Commands, program

GOOD = """
    class Odd:
        name = "odd"

        def __init__(self, settings):
            pass

        def notify(self, wakeup):
            pass

        def serve(self, registry, slots, ready):
            pass

        def close(self):
            pass
"""

KINDS = {
    "a function": ("def Odd(settings):\n    return None", "Odd", "it is a function, and not a class"),
    "a module": ("", "", "it is a module, and not a class"),
    "an instance": (GOOD + "\n    Odd = Odd(None)", "Odd", "it is <pfd_odd_runtime.Odd object"),
    "a text": ("Odd = 'celery'", "Odd", "it is 'celery', and not a class"),
    "a class without a method": (
        GOOD.replace("def serve", "def served"),
        "Odd",
        "no method serve(registry, slots, ready)",
    ),
    "a class with a method that is none": (GOOD + "\n    Odd.close = None", "Odd", "it has no method close()"),
    "a class with other arguments": (
        GOOD.replace("registry, slots, ready", "registry"),
        "Odd",
        "serve(registry) is called as serve(registry, slots, ready)",
    ),
    "a class that waits": (GOOD.replace("def notify", "async def notify"), "Odd", "its notify(wakeup) is async"),
    "a class without a name": (GOOD.replace("name =", "called ="), "Odd", "it has no text 'name'"),
    "a class that cannot be made": (GOOD.replace("pass", "raise KeyError('no')", 1), "Odd", "cannot be made: KeyError"),
    "a class that takes no settings": (GOOD.replace("(self, settings)", "(self)"), "Odd", "cannot be made: TypeError"),
    "a class that is not there": ("", "Odd", "cannot be loaded: AttributeError"),
    "a module that raises": ("raise ValueError('no')", "Odd", "cannot be loaded: ValueError: no"),
    "a module that exits": ("import sys; sys.exit('no')", "Odd", "cannot be loaded: SystemExit: no"),
    "a module that misses another": (
        "import no_such_module_anywhere",
        "Odd",
        "No module named 'no_such_module_anywhere'",
    ),
}


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages that other programs see as well."""
    site = tmp_path / "site-packages"
    (site / "pfd_odd-1.0.dist-info").mkdir(parents=True)
    (site / "pfd_odd-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: pfd-odd\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=":")
    return site


def write(site: Path, code: str, attribute: str) -> None:
    """A runtime `odd`."""
    value = f"pfd_odd_runtime:{attribute}".removesuffix(":")
    entry = f"[pfd.runtimes]\nodd = {value}\n"
    (site / "pfd_odd-1.0.dist-info" / "entry_points.txt").write_text(entry, encoding="utf-8")
    (site / "pfd_odd_runtime.py").write_text(textwrap.dedent(code), encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_a_runtime_of_another_kind_is_one_failed_line_and_a_clear_error(
    pfd: Commands, install: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    code, attribute, said = KINDS[kind]
    write(install, code, attribute)
    monkeypatch.delitem(sys.modules, "pfd_odd_runtime", raising=False)

    shown = pfd("--runtime", "odd", "doctor", "--json")
    assert shown.code == 1, shown
    checks = [check for check in shown.json if check["status"] == "fail"]
    assert [check["name"] for check in checks] == ["runtime"]
    assert said in checks[0]["found"]
    assert "pfd_odd_runtime" in checks[0]["found"]
    assert checks[0]["mend"]
    assert "doctor" not in checks[0]["mend"]
    assert "store" in {check["name"] for check in shown.json}  # it went on

    for command in (("submit", "add", "a=1"), ("worker",)):
        told = pfd("--runtime", "odd", *command)
        assert told.code == 2, told
        assert said in told.err
        assert len(told.err.splitlines()) == 2, told
    assert pfd.json("jobs") == []


@pytest.mark.parametrize("what", ["probe", "close"])
def test_a_runtime_whose_own_code_fails_while_it_is_looked_at_is_a_failed_line(
    pfd: Commands, install: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    method = f"\n        def {what}(self):\n            raise ZeroDivisionError('no')\n"
    write(install, GOOD + method, "Odd")
    monkeypatch.delitem(sys.modules, "pfd_odd_runtime", raising=False)
    shown = pfd("--runtime", "odd", "doctor", "--json")
    [failed] = [check for check in shown.json if check["status"] == "fail"]
    assert failed["found"] == "ZeroDivisionError: no"
    assert "pfd_odd_runtime.py" in failed["mend"]
    assert "store" in {check["name"] for check in shown.json}


def test_a_store_that_is_gone_is_not_answered_by_a_hint_that_leads_back(pfd: Commands) -> None:
    shown = program("--database-url", "postgresql://nobody@127.0.0.1:1/none", "doctor", "--json")
    [failed] = [check for check in shown.json if check["name"] == "store"]
    assert failed["status"] == "fail"
    assert failed["mend"]
    assert "pfd doctor" not in failed["mend"]

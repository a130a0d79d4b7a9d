"""Names that load on first use, and earlier names that lead to the present ones."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pfd.lazy import RenamedAttribute, lazy_names


def test_a_module_is_imported_when_one_of_its_names_is_asked_for(tmp_path: Path) -> None:
    package = tmp_path / "late"
    package.mkdir()
    lines = (
        "from pfd.lazy import lazy_names",
        "__getattr__ = lazy_names(__name__, {'heavy': ('weight',)}, renamed={'mass': 'weight'})",
    )
    (package / "__init__.py").write_text("\n".join(lines), encoding="utf-8")
    (package / "heavy.py").write_text("weight = 3\n", encoding="utf-8")
    program = (
        "import sys, late, warnings\n"
        "assert 'late.heavy' not in sys.modules\n"
        "assert late.weight == 3\n"
        "with warnings.catch_warnings(record=True) as told:\n"
        "    warnings.simplefilter('always')\n"
        "    assert late.mass == 3\n"
        "assert [one.category for one in told] == [DeprecationWarning], told\n"
        "print(told[0].message)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "late.mass is called weight now; the earlier name goes with the next version"


def test_a_name_that_is_not_listed_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'pfd' has no attribute 'no_such_name'"):
        lazy_names("pfd", {"dispatcher": ("Dispatcher",)})("no_such_name")


def test_a_name_of_two_modules_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="pfd: Entry is listed for one and for two"):
        lazy_names("pfd", {"one": ("Entry",), "two": ("Entry",)})


@dataclass(frozen=True)
class Split:
    provenance: str

    stamp = RenamedAttribute("provenance")


def test_the_earlier_name_of_an_attribute_reads_the_present_one_and_says_so_where_it_is_read() -> None:
    split = replace(Split("by hand"), provenance="by bearing")
    with pytest.warns(DeprecationWarning, match=r"Split\.stamp is called provenance now") as told:
        assert split.stamp == "by bearing"
    assert told[0].filename == __file__
    assert split == Split("by bearing")

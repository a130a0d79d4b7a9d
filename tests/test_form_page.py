"""What `docs/how-to/make-a-form.md` says is true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import pfd.schema
from pfd.schema import mark_faults
from tests.support.workspace import ROOT

PAGE = (ROOT / "docs" / "how-to" / "make-a-form.md").read_text(encoding="utf-8")


def test_the_example_runs(pfd_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"__name__": "form_page"}
    for number, example in enumerate(re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)):
        exec(compile(example, f"example {number}", "exec", dont_inherit=True), names)
    assert capsys.readouterr().out.splitlines() == [
        "kind choice  spur",
        "mains choice Hz 50",
        "rpm number rev/min 1500.0",
        "starts integer  None",
        "dataset union  None",
        "300.0 True",
        "[50, 60]",
        "60 {'dataset': 1}",
        "()",
        "0",
    ]
    model = names["CheckGearParams"]
    assert list(mark_faults(model)) == []
    assert model(kind="worm", starts=2, dataset=1).rpm == 300.0
    for wrong, said in (({"starts": 2}, "starts belongs to kind=worm"), ({"kind": "worm"}, "kind=worm needs starts")):
        with pytest.raises(ValidationError, match=said):
            model(dataset=1, **wrong)


def test_every_name_that_it_says_is_of_the_reader_is_there() -> None:
    marks = re.findall(r"^\| `(\w+)\(", PAGE, flags=re.MULTILINE)
    assert len(marks) == 7
    imported = {
        name.strip()
        for line in re.findall(r"^from pfd\.schema import (.*)$", PAGE, re.MULTILINE)
        for name in line.split(",")
    }
    assert {*marks, *imported, "text_of", "at"} <= set(pfd.schema.__all__)
    assert set(re.findall(r"`(x-pfd-\w+)`", PAGE)) == {
        f"x-pfd-{key}" for key in ("unit", "group", "when", "needed", "defaults", "ref")
    }

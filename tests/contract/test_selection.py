"""What `make test` leaves out of the contract is chosen by names that exist, and nothing is left out in full sites."""

from __future__ import annotations

import re
from pathlib import Path

import pfd_contract.suite as suite
from tests.contract import test_rabbitmq
from tests.contract.conftest import SITES
from tests.contract.support.selection import CHOSEN, IN_FULL, LONG


def test_each_site_runs_the_contract_in_full_or_what_was_chosen_for_it() -> None:
    assert {*SITES, *test_rabbitmq.SITES} == {*IN_FULL, *CHOSEN} - {"notify-postgres"}
    assert not set(IN_FULL) & set(CHOSEN)


def test_each_test_that_is_chosen_or_takes_long_exists() -> None:
    there = {name for group in suite.__all__ for name in vars(getattr(suite, group)) if name.startswith("test_")}
    for path in Path(__file__).parent.glob("test_*.py"):
        there.update(re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), flags=re.MULTILINE))
    for site, chosen in CHOSEN.items():
        assert chosen.tests <= there, site
    assert LONG.keys() <= there

"""The fixtures that the suite asks for.  All of them stand on one that the runtime adds: `contract_sites`."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pfd_contract.plugins import CONTRACT, write_plugins
from pfd_contract.site import MakeSite, Site


@pytest.fixture(scope="session")
def contract_full(request: pytest.FixtureRequest) -> bool:
    """Whether the longest tests are to run at full length."""
    return bool(request.config.getoption("--contract-full"))


@pytest.fixture(scope="module", autouse=True)
def contract_plugins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder on the path of this process, and of all that it starts, where the contract's plugin is found."""
    folder = tmp_path_factory.mktemp("contract-plugins")
    write_plugins(folder, CONTRACT)
    # The sockets of this machine's workers lie here, and the path of a socket has to be short.
    sockets = Path(tempfile.mkdtemp(prefix="pfd-contract-", dir="/tmp"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(sockets))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]))
        patch.setattr(sys, "path", [str(folder), *sys.path])
        yield folder
    shutil.rmtree(sockets)


@pytest.fixture
def site(contract_sites: MakeSite, tmp_path: Path) -> Iterator[Site]:
    """A site of this test alone, as yet without a worker."""
    made = contract_sites(tmp_path)
    yield made
    made.close()


@pytest.fixture
def calm_site(contract_sites: MakeSite, tmp_path: Path) -> Iterator[Site]:
    """The same with a lease that does not lapse: no wait for it explains anything, and no busy machine looks lost."""
    made = contract_sites(tmp_path, lease=600.0)
    yield made
    made.close()


# A worker takes seconds to start, and most tests leave theirs as it was: those share one.  Site and workers of a test's
# own are for tests that kill.


@pytest.fixture(scope="module")
def crew(contract_sites: MakeSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with one worker of three slots, and a lease that no busy machine outlasts."""
    made = contract_sites(tmp_path_factory.mktemp("crew"), lease=15.0, max_log_bytes=2**16)
    yield from _served(made, 1, 3)


@pytest.fixture(scope="module")
def solo(contract_sites: MakeSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The same with a single slot."""
    made = contract_sites(tmp_path_factory.mktemp("solo"), lease=15.0)
    yield from _served(made, 1, 1)


@pytest.fixture(scope="module")
def pair(contract_sites: MakeSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with two workers of five slots that watch each other, and a short lease."""
    made = contract_sites(tmp_path_factory.mktemp("pair"))
    yield from _served(made, 2, 5)


def _served(site: Site, workers: int, slots: int) -> Iterator[Site]:
    with site.workers(workers, slots) as programs:
        yield site
        for program in programs:
            program.stop()
    site.close()

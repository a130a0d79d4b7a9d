"""Clients that fork: none writes into its parent's connection to the broker, nor takes it away."""

from __future__ import annotations

import logging
import multiprocessing
import os
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from pfd_contract import Site
from tests.contract.support.sites import site_maker


def lines_to_the_broker(site: Site) -> set[int]:
    """This process's own ports of its connections."""
    port = urlsplit(site.settings.broker_url).port
    return {one.laddr.port for one in psutil.Process().net_connections("tcp") if port in tuple(one.raddr)}


@pytest.mark.slow("RabbitMQ starts")
@pytest.mark.parametrize("runtime", ["celery", "dramatiq"])
@pytest.mark.parametrize("by", ["fork", "multiprocessing"])
def test_a_child_and_its_parent_each_have_a_line_of_their_own(
    runtime: str, by: str, request: pytest.FixtureRequest, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    site = site_maker(f"{runtime}-rabbitmq-postgres", request)(tmp_path)
    others = lines_to_the_broker(site)  # of earlier tests in this process, which may go meanwhile
    site.submit("noop")
    mine = lines_to_the_broker(site) - others
    assert mine
    caplog.clear()

    def child() -> None:
        site.submit("noop")
        fresh = lines_to_the_broker(site) - others - mine
        os._exit(0 if fresh and not caplog.records else 1)

    with caplog.at_level(logging.WARNING):
        if by == "fork":
            if (pid := os.fork()) == 0:
                child()
            assert os.waitpid(pid, 0)[1] == 0
        else:
            process = multiprocessing.get_context("fork").Process(target=child)
            process.start()
            process.join()
            assert process.exitcode == 0
        site.submit("noop")
    assert lines_to_the_broker(site) - others == mine
    assert not caplog.records
    site.close()

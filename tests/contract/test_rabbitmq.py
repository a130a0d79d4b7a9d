"""The core of the contract with RabbitMQ as the broker: what a broker could spoil."""

from __future__ import annotations

import pytest

from pfd_contract import MakeSite
from pfd_contract.suite import TestClaims, TestEndingEarly, TestLoss, TestOrder  # noqa: F401  (collected)
from tests.contract.support.sites import site_maker

SITES = ("celery-rabbitmq-postgres", "dramatiq-rabbitmq-postgres")


@pytest.fixture(scope="session", params=SITES)
def contract_sites(request: pytest.FixtureRequest) -> MakeSite:
    """Each runtime with a broker, on RabbitMQ."""
    return site_maker(request.param, request)

"""Sites of the contract on Dramatiq."""

from pfd_contract import *  # noqa: F403  (its fixtures)
from tests.support.broker_sites import dramatiq_site, dramatiq_sites
from tests.support.installed import only_what_is_installed

__all__ = ["dramatiq_site", "dramatiq_sites", "only_what_is_installed"]

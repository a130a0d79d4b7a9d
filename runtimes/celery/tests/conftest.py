"""Sites of the contract on Celery."""

from pfd_contract import *  # noqa: F403  (its fixtures)
from tests.support.broker_sites import celery_crew, celery_site, celery_sites
from tests.support.installed import only_what_is_installed

__all__ = ["celery_crew", "celery_site", "celery_sites", "only_what_is_installed"]

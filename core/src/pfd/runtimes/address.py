"""Where a broker is.  Light: what is wrong with that is said before the library of the broker is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pfd.errors import SettingsError
from pfd.settings import Settings
from pfd.urls import mask, purge


@dataclass(frozen=True)
class BrokerSchemes:
    """The schemes of URLs that a runtime with a broker can use."""

    runtime: str
    redis: tuple[str, ...]
    amqp: tuple[str, ...]

    def url(self, settings: Settings) -> str:
        """The broker in the words of the runtime's library.  Raises `SettingsError` for one that cannot be used."""
        url = settings.broker_url
        if not url:
            raise SettingsError(
                f"the runtime {self.runtime!r} needs a broker",
                hint="set PFD_BROKER_URL=redis://HOST:6379/0 or amqp://HOST//",
            )
        scheme, known = url.partition(":")[0], (*self.redis, *self.amqp)
        if scheme not in known:
            raise SettingsError(f"broker_url={mask(url)!r}: the scheme is none of {', '.join(known)}")
        return "redis" + url.removeprefix("valkey") if scheme.startswith("valkey") else url

    def is_redis(self, url: str) -> bool:
        """Whether a broker is Redis, or Valkey."""
        return url.partition(":")[0] in self.redis


WRONG = (ValueError, TypeError, LookupError)
"""What libraries raise for a URL that they cannot read, or for something in its query that they do not know."""


@contextmanager
def reading(url: str) -> Iterator[None]:
    """Turn what a library says of a URL that it cannot use into a `SettingsError` that names nothing secret."""
    try:
        yield
    except WRONG as error:
        purge(error, url)
        raise SettingsError(
            f"broker_url={mask(url)!r} cannot be used: {error}", hint="check what stands behind the ? of it"
        ) from error

"""Where Dramatiq's broker is.  Light: what is wrong with it is said before Dramatiq is loaded."""

from __future__ import annotations

from pfd.errors import SettingsError
from pfd.settings import Settings, mask

_REDIS = ("redis", "rediss", "unix", "valkey", "valkeys")
_AMQP = ("amqp", "amqps")


def check_url(settings: Settings) -> str:
    """The broker in Dramatiq's words.  Raises `SettingsError` for one that cannot be used."""
    url = settings.broker_url
    if not url:
        raise SettingsError(
            "the runtime 'dramatiq' needs a broker", hint="set PFD_BROKER_URL=redis://HOST:6379/0 or amqp://HOST//"
        )
    scheme = url.partition(":")[0]
    if scheme not in (*_REDIS, *_AMQP):
        raise SettingsError(f"broker_url={mask(url)!r}: the scheme is none of {', '.join((*_REDIS, *_AMQP))}")
    return "redis" + url.removeprefix("valkey") if scheme.startswith("valkey") else url


def is_redis(url: str) -> bool:
    return url.partition(":")[0] in _REDIS

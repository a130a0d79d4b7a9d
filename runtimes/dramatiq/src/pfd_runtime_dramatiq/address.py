"""Where Dramatiq's broker is.  Light, as `pfd.runtimes.address` is."""

from __future__ import annotations

from pfd.runtimes.address import BrokerSchemes

_SCHEMES = BrokerSchemes("dramatiq", redis=("redis", "rediss", "unix", "valkey", "valkeys"), amqp=("amqp", "amqps"))

broker_url = _SCHEMES.url
is_redis = _SCHEMES.is_redis

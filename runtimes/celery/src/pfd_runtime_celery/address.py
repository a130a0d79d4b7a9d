"""Where Celery's broker is.  Light, as `pfd.runtimes.address` is."""

from __future__ import annotations

from pfd.runtimes.address import BrokerSchemes

DEFAULT_QUEUE = "celery"
"""Where clients of Celery send what they route nowhere else."""

_SCHEMES = BrokerSchemes(
    "celery",
    redis=("redis", "rediss", "redis+socket", "valkey", "valkeys", "valkey+socket"),
    amqp=("amqp", "amqps", "pyamqp"),
)

broker_url = _SCHEMES.url
is_redis = _SCHEMES.is_redis

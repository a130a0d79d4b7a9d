"""The peer: procrastinate on PostgreSQL, with its defaults; ended jobs are kept, as PFD keeps them."""

from __future__ import annotations

import os
import time

import procrastinate
import psycopg

URL = os.environ.get("PROCRASTINATE_BENCH_URL", "")

app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=URL))


@app.task(name="noop")  # type: ignore[untyped-decorator]  # seen by the type checker only where it is installed
async def noop() -> None:
    pass


def fill(jobs: int) -> None:
    """Make its tables and submit the jobs, one by one."""
    connector = procrastinate.SyncPsycopgConnector(conninfo=URL)
    with app.replace_connector(connector), app.open():
        app.schema_manager.apply_schema()
        for _ in range(jobs):
            noop.defer()


def rate(jobs: int) -> float:
    """Wait for all of them to succeed; jobs a second between the first and the last."""
    query = "SELECT count(*), extract(epoch FROM max(at) - min(at)) FROM procrastinate_events WHERE type = 'succeeded'"
    with psycopg.connect(URL, autocommit=True) as connection:
        while True:
            row = connection.execute(query).fetchone()
            assert row is not None
            if row[0] >= jobs:
                return float(row[0]) / float(row[1])
            time.sleep(0.2)

"""A worker that lacks open files or threads says so in its health, which takes some to be asked for."""

from __future__ import annotations

from typing import Any

import pytest

from core.tests.support.shortage import LACKS, run_short
from pfd import Settings

ASKING = """
settings = settings.model_copy(update={"metrics": "127.0.0.1:0"})

def asking(worker, dispatcher):
    # With what is had now, later.
    host, _, port = dispatcher.workers()[0].metrics.rpartition(":")
    client = socket.socket()

    def ask():
        with client:
            client.connect((host, int(port)))
            client.sendall(b"GET /health HTTP/1.0\\r\\n\\r\\n")
            answer = b""
            while piece := client.recv(65536):
                answer += piece
        head, _, body = answer.partition(b"\\r\\n\\r\\n")
        return (int(head.split()[1]), json.loads(body)["resources"]) if body else None
    return ask
"""


@pytest.mark.parametrize(("task", "params", "limit", "lacking"), LACKS)
def test_what_a_worker_lacks_shows_in_its_health(
    sqlite_settings: Settings, task: str, params: dict[str, Any], limit: str, lacking: str
) -> None:
    found = run_short(sqlite_settings, ASKING, task, params, limit)
    assert found["states"] == ["SUCCESS", "SUCCESS"]
    assert (found["attempt"], found["lost"]) == (1, 0)
    before, meanwhile, after = found["told"]
    assert before == after == (200, "ok")
    if limit != "no_threads":  # of which it takes one to answer
        assert meanwhile[0] == 503
        assert lacking in meanwhile[1]
    assert found["cpu"] < 1  # it has rested

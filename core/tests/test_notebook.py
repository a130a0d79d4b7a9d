"""A handle in a notebook: a real kernel runs the cells."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.tests.support.stores import as_environment, make_settings
from core.tests.support.waiting import lines, until
from pfd import Dispatcher, Settings, State, Worker
from pfd.plugins import Registry

PATIENCE = 90.0


@pytest.fixture
def settings_here(tmp_path: Path) -> Settings:
    return make_settings(tmp_path / "home")


@pytest.fixture
def dispatcher(settings_here: Settings, registry: Registry) -> Iterator[Dispatcher]:
    with Worker(settings_here, slots=1, registry=registry), Dispatcher(settings_here, registry=registry) as found:
        yield found


class Kernel:
    """An IPython kernel that runs one cell at a time."""

    def __init__(self, environment: dict[str, str]) -> None:
        from jupyter_client.blocking.client import BlockingKernelClient
        from jupyter_client.manager import KernelManager

        self.manager = KernelManager(kernel_name="python3")
        # The interpreter of the tests, whatever kernels the user has installed.
        assert self.manager.kernel_spec is not None
        self.manager.kernel_spec.argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        self.manager.start_kernel(env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.client: BlockingKernelClient = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=PATIENCE)

    def begin(self, code: str) -> None:
        self.client.execute(code)

    def outputs(self) -> list[dict[str, Any]]:
        """What the cell that was begun has shown, once it has ended."""
        found = []
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE)
            if message["msg_type"] in ("execute_result", "display_data", "error", "stream"):
                found.append({"type": message["msg_type"], **message["content"]})
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return found

    def update_until(self, text: str) -> dict[str, Any]:
        """The update of a table that shows `text`; none of them is part of a cell's run."""
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE)
            if message["msg_type"] == "update_display_data" and text in message["content"]["data"]["text/html"]:
                content: dict[str, Any] = message["content"]
                return content

    def run(self, code: str) -> list[dict[str, Any]]:
        self.begin(code)
        return self.outputs()

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()


@pytest.fixture
def kernel(settings_here: Settings) -> Iterator[Kernel]:
    found = Kernel(os.environ | as_environment(settings_here))
    yield found
    found.close()


def test_a_handle_shows_itself_waits_under_the_running_loop_and_survives_an_interrupt(
    kernel: Kernel, dispatcher: Dispatcher, tmp_path: Path
) -> None:
    """One kernel for all of it: to start one takes as long as the rest together."""
    assert kernel.run("from pfd import Dispatcher; d = Dispatcher(); import asyncio; asyncio.get_running_loop()")

    [shown] = kernel.run("d.submit('add', {'a': 1}, countdown=3600)")
    assert shown["type"] == "display_data"
    assert "PENDING" in shown["data"]["text/html"]
    assert "<table" in shown["data"]["text/html"]
    assert shown["data"]["text/plain"].startswith("add  ")

    [first] = kernel.run("d.submit('nap_inline', {'seconds': 1, 'steps': 4})")
    latest = kernel.update_until("SUCCESS")
    assert latest["transient"]["display_id"] == first["transient"]["display_id"]

    [result] = kernel.run("d.submit('add', {'a': 1, 'b': 2}).get(60)")
    assert result["data"]["text/plain"] == "{'value': 3}"

    [failed] = kernel.run("d.submit('fail_inline').get(60)")
    assert (failed["type"], failed["ename"]) == ("error", "JobFailed")
    assert "this value is wrong: 7" in failed["evalue"]

    witness = tmp_path / "witness"
    kernel.begin(f"d.submit('nap_inline', {{'seconds': 4, 'steps': 40, 'witness': {str(witness)!r}}}).get()")
    job_id = until(lambda: lines(witness), "the job has begun")[0].split()[0]
    kernel.manager.interrupt_kernel()
    [interrupted] = kernel.outputs()
    assert interrupted["ename"] == "KeyboardInterrupt"
    assert f"job {job_id} goes on; 'pfd watch {job_id[:8]}' follows it" in re.sub(r"\s+", " ", interrupted["evalue"])
    assert dispatcher.handle(job_id).wait(PATIENCE).state is State.SUCCESS


def test_every_text_of_a_task_is_escaped_in_a_notebook(dispatcher: Dispatcher) -> None:
    handle = dispatcher.submit("fail_inline", {"kind": "<script>"})
    handle.wait(PATIENCE)
    assert "<script>" not in handle._repr_html_()
    assert "ValueError: this &lt;script&gt; is wrong: 7" in handle._repr_html_()

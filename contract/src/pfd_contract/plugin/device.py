"""A task that needs a device, and touches none."""

from __future__ import annotations

import fcntl
import os

from pfd import TaskContext
from pfd_contract.plugin.params import Anything, NapParams
from pfd_contract.plugin.plain import linger
from pfd_contract.plugin.witness import witness_folder, witnessed


def on_device(params: NapParams, ctx: TaskContext) -> Anything:
    """Notes which devices it sees, and `clash` where another job is on them."""
    with witnessed(ctx) as witness:
        seen = os.environ.get("CUDA_VISIBLE_DEVICES")
        with (witness_folder(ctx.settings.home) / f"device-{seen}.lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                witness.note("clash", seen)
            witness.note("on device", seen)
            linger(params, ctx)
        return Anything(value=seen)

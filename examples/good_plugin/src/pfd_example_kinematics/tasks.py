"""The work itself."""

from __future__ import annotations

import math

from pfd import TaskContext
from pfd_example_kinematics.params import FaultLines, FaultLinesParams


def fault_lines(params: FaultLinesParams, ctx: TaskContext) -> FaultLines:
    """Kinematics of a bearing without slip, outer race fixed."""
    shaft = params.rpm / 60
    ratio = params.ball_d_mm / params.pitch_d_mm * math.cos(math.radians(params.contact_deg))
    ctx.log.info("shaft at %.3f Hz, d/D·cos φ = %.4f", shaft, ratio)
    return FaultLines(
        ftf_hz=shaft / 2 * (1 - ratio),
        bpfo_hz=params.n_balls * shaft / 2 * (1 - ratio),
        bpfi_hz=params.n_balls * shaft / 2 * (1 + ratio),
        bsf_hz=shaft * params.pitch_d_mm / (2 * params.ball_d_mm) * (1 - ratio**2),
    )

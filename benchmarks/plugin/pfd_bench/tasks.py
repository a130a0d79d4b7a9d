"""What they do."""

import time

from pfd import TaskContext

from .plugin import Moment, NoParams


def noop(params: NoParams, ctx: TaskContext) -> Moment:
    return Moment(at=time.time())


def torch_noop(params: NoParams, ctx: TaskContext) -> Moment:
    began = time.time()
    import torch

    if torch.zeros(1).item() != 0.0:
        raise ValueError("torch does not work")
    return Moment(at=began)

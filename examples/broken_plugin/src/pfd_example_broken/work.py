"""Functions that no job could call."""


def without_context(params):
    return {}


async def waiting(params, ctx):
    return {}


def piecewise(params, ctx):
    yield {}

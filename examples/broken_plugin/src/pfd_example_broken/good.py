"""A function and a command in which nothing is wrong."""

import click


def level(params, ctx):
    return {}


@click.command()
def command():
    """Nothing."""

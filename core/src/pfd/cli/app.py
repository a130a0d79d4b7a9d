"""The root command: finds the command that was named, loads its module, and turns errors into lines and exit codes."""

from __future__ import annotations

import contextlib
import difflib
import gc
import os
import pkgutil
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

import pfd
from pfd.cli.codes import BAD_REQUEST, CANCELLED, FAILED, OK, TIMED_OUT, exit_code, explain, say
from pfd.cli.logformat import clean_the_last_resort
from pfd.cli.state import Session
from pfd.console import echo, one_line
from pfd.errors import PfdError, PluginError
from pfd.origin import first_line
from pfd.streams import kept_for_the_answer, reader_has_left, settle, take_over
from pfd.urls import purge

# name → (module:attribute, one line of help).  Named as strings, so that `pfd --help` loads none of them.
COMMANDS: dict[str, tuple[str, str]] = {
    "tasks": ("pfd.cli.tasks:tasks", "List the installed tasks, or show one."),
    "plugins": ("pfd.cli.plugins:plugins", "List the plugins and what became of each, or check them."),
    "submit": ("pfd.cli.submit:submit", "Submit a job."),
    "run": ("pfd.cli.run:run", "Run a pipeline file."),
    "jobs": ("pfd.cli.jobs:jobs", "List jobs."),
    "job": ("pfd.cli.jobs:job", "Show one job."),
    "watch": ("pfd.cli.watch:watch", "Follow jobs until they have ended."),
    "logs": ("pfd.cli.logs:logs", "Print what a job has printed and logged."),
    "cancel": ("pfd.cli.control:cancel", "Cancel jobs."),
    "retry": ("pfd.cli.control:retry", "Submit an ended job again."),
    "open": ("pfd.cli.open:open_", "Open a page of a job, or its files."),
    "report": ("pfd.cli.report:report", "Write a report of jobs as one page."),
    "schedules": ("pfd.cli.schedules:schedules", "List schedules, or add, show, pause and remove them."),
    "worker": ("pfd.cli.worker:worker", "Run jobs until told to stop."),
    "workers": ("pfd.cli.workers:workers", "List live workers and what they run."),
    "config": ("pfd.cli.config:config", "Show each setting and where it comes from."),
    "db": ("pfd.cli.db:db", "Look at or upgrade the tables of the store."),
    "doctor": ("pfd.cli.doctor:doctor", "Check that everything is in place."),
    "new-plugin": ("pfd.cli.new_plugin:new_plugin", "Write a plugin to start from."),
    "completion": ("pfd.cli.completion:completion", "Print the completion script of a shell."),
}


class Root(click.Group):
    """A group whose commands are loaded when they are named.  Plugins add nouns of their own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *sorted(set(_nouns(ctx)) - set(COMMANDS))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            return _load(COMMANDS[cmd_name][0])
        noun = _nouns(ctx).get(cmd_name)
        return None if noun is None else _load(noun.load)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        named = args[0] if args and not args[0].startswith("-") else None
        if named is not None and named not in COMMANDS and named not in _nouns(ctx):
            raise click.UsageError(f"there is no command {named!r}{self._instead(ctx, named)}", ctx)
        return super().resolve_command(ctx, args)

    def _instead(self, ctx: click.Context, name: str) -> str:
        if near := difflib.get_close_matches(name, self.list_commands(ctx), n=3):
            return f"; did you mean {', '.join(near)}?"
        registry, _ = ctx.ensure_object(Session).registry_whatever_is_broken()
        if registry.absent:
            return f" (not loaded: {', '.join(registry.absent)}; 'pfd plugins' says why)"
        return "" if registry.records else "; no plugin is installed: pip install pfd-all brings those of PFD"

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])
        if nouns := [(n, noun.help) for n, noun in sorted(_nouns(ctx).items()) if n not in COMMANDS]:
            with formatter.section("Commands of plugins"):
                formatter.write_dl([(one_line(name), one_line(text)) for name, text in nouns])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        # click would load every command to ask for its help.
        nouns = {name: noun.help for name, noun in _nouns(ctx).items()}
        texts = nouns | {name: text for name, (_, text) in COMMANDS.items()}
        found = [CompletionItem(name, help=text) for name, text in texts.items() if name.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]


def _nouns(ctx: click.Context) -> dict[str, Any]:
    return ctx.ensure_object(Session).registry_whatever_is_broken()[0].commands()


def _load(target: str) -> click.Command:
    try:
        with kept_for_the_answer():
            command = pkgutil.resolve_name(target)
    except Exception as error:
        raise PluginError(
            f"command {target} cannot be loaded: {type(error).__name__}: {error}",
            hint="reinstall the plugin that it belongs to; 'pfd plugins' lists them",
        ) from error
    if not isinstance(command, click.Command):
        raise PluginError(f"command {target} is not a click command")
    return command


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=True)
@click.version_option(pfd.__version__, prog_name="pfd", message="%(prog)s %(version)s")
@click.option("--home", metavar="DIR", help="Folder of the store, artifacts and logs (PFD_HOME).")
@click.option("--database-url", metavar="URL", help="The store (PFD_DATABASE_URL).")
@click.option("--runtime", metavar="NAME", help="The runtime (PFD_RUNTIME).")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.pass_context
def cli(ctx: click.Context, home: str | None, database_url: str | None, runtime: str | None, debug: bool) -> None:
    """Background jobs for predictive fault diagnosis on vibration signals."""
    given = {"home": home, "database_url": database_url, "runtime": runtime}
    overrides = {name: value for name, value in given.items() if value is not None}
    # The nouns of plugins ask for the settings by themselves, and so do the programs that a command starts.
    os.environ.update({f"PFD_{name.upper()}": value for name, value in overrides.items()})
    ctx.obj = session = Session(overrides, debug=debug)
    ctx.call_on_close(session.close)
    clean_the_last_resort()
    if ctx.invoked_subcommand is None:
        echo(ctx.get_help())


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `pfd`.  Exits with one of `pfd.cli.codes`."""
    gc.freeze()  # what imports made lives to the end: to look through it again is a tenth of a short command
    take_over()
    code = run(list(sys.argv[1:] if arguments is None else arguments))
    with contextlib.suppress(OSError):  # that has been told
        settle()
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run a command line; the exit code."""
    debug = "--debug" in arguments
    # It stands wherever one thinks of it, mostly at the end of the line that has just failed.
    arguments = ["--debug", *(a for a in arguments if a != "--debug")] if debug else arguments
    streams = sys.stdout, sys.stderr
    try:
        result = cli.main(args=arguments, prog_name="pfd", standalone_mode=False)
        settle()
        return result if isinstance(result, int) else OK
    except SystemExit:
        if sys.stdout is streams[0]:
            raise
        # For any broken pipe click wraps the streams and exits with 1.  Where the reader has left, nothing is amiss;
        # any other one was a connection of the command's own.
        sys.stdout, sys.stderr = streams
        left = reader_has_left()
        settle()
        if left:
            return OK
        echo("error: a connection was closed in the middle; see whether the store and the broker answer", err=True)
        return FAILED
    except (Exception, KeyboardInterrupt) as error:
        purge(error)
        if debug and not isinstance(error, click.ClickException):
            echo(traceback.format_exc(), err=True)
        return _end(error)


def _end(error: BaseException) -> int:
    if isinstance(error, PfdError):
        explain(error)
        return exit_code(error)
    if isinstance(error, click.UsageError) and error.ctx is not None:
        say(f"error: {_lowered(error.format_message())}")
        say(f"hint: '{error.ctx.command_path} --help' says how it is used")
        return BAD_REQUEST
    if isinstance(error, click.ClickException):
        say(f"error: {_lowered(error.format_message())}")
        return BAD_REQUEST
    if isinstance(error, KeyboardInterrupt | click.Abort):
        # Click's name for Ctrl-C stands for one that may bring word of what becomes of a job.
        say(*(str(error) or str(error.__cause__ or "") or "interrupted").splitlines())
        return CANCELLED
    if isinstance(error, TimeoutError):
        say(f"error: {error}")
        return TIMED_OUT
    if isinstance(error, OSError):
        say(f"error: {error.filename or 'the system'}: {error.strerror or error}")
        return FAILED
    say(f"error: {type(error).__name__}: {first_line(error, 'no message')}")
    say("hint: this is a fault in pfd or a plugin; --debug shows where")
    return FAILED


def _lowered(message: str) -> str:
    """A message of click in the form of ours."""
    text = " ".join(message.split()).removesuffix(".")
    return text[:1].lower() + text[1:]

"""The command line. Each command is a file of its own, imported when it is called, so that ``--help`` needs nothing but click."""

from __future__ import annotations

import contextlib
import importlib
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any, NoReturn

import click

from videoscan import __version__
from videoscan.cli import output
from videoscan.errors import VideoscanError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# Told here, so that the list of commands is shown without importing them; a test holds them to the commands' own words.
SUMMARIES = {
    "demo": "Scan a clip that comes along, and open its report.",
    "scan": "Scan videos: one timeline each, with a report to read.",
    "watch": "Watch live sources: a timeline that grows, a folder a day.",
    "plan": "Say what a scan would send and cost, without sending it.",
    "frames": "Show which frames were kept or dropped, and why.",
    "tune": "Find the settings for a camera, on its own footage.",
    "export": "Write timelines, or a part of them, in another format.",
    "library": "Keep many timelines in one file, to search them.",
    "search": "Find events by their words.",
    "ask": "Ask a question about many recordings.",
    "review": "Accept, reject, edit or add events.",
    "verify": "Check evidence bundles that `export --to evidence` wrote.",
    "eval": "Hold timelines against the truth.",
    "alerts": "Try alert rules on timelines that there are.",
    "serve": "Run the HTTP service: jobs, timelines, live feeds.",
    "submit": "Submit videos to a service, and print their jobs.",
    "jobs": "List, show, cancel, retry and await the jobs of a service.",
    "keys": "Make, list and remove the keys of a service.",
    "mcp": "Offer scan, status, timeline, search and frame to an agent.",
    "profiles": "List, show and check profiles.",
    "doctor": "Say what is installed and can be decoded, or what a model can do.",
}


class _Commands(click.Group):
    """Finds the command `name` as ``command`` in ``videoscan.cli.<name>``."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(SUMMARIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in SUMMARIES:
            return None
        module = importlib.import_module(f"videoscan.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="videoscan")
def videoscan() -> None:
    """Turn hours of video into a timeline a person can trust.

    Start with `videoscan demo`, then `videoscan scan VIDEO`. Results go to stdout, progress to stderr.

    Exit codes: 0 done; 1 unexpected fault; 2 bad usage or configuration; 3 no source could be read; 4 the model could not be
    used; 5 the output could not be written; 6 finished, but with gaps; 130 interrupted (the same command continues).
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and leave with its exit code."""
    output.speak_utf8()
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Nothing but `SystemExit` ever comes out of it."""
    try:
        with _terminated_like_interrupted():
            code: Any = videoscan.main(
                args=None if arguments is None else list(arguments), prog_name="videoscan", standalone_mode=False
            )
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        output.say("videoscan: interrupted")
        return output.INTERRUPTED
    except output.ReaderGone:
        # The reader of our stdout has seen enough, as `head` does: no fault of anybody's.
        output.stop_writing()
        return 0
    except VideoscanError as error:
        output.complain(error)
        return error.exit_code
    except Exception as error:  # the last resort: one sentence instead of a traceback
        output.complain(error)
        return output.code_of(error)


@contextlib.contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """While a command runs, SIGTERM means the same as Ctrl-C: clean up, keep the state, say so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_signal: int, _frame: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

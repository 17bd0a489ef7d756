"""The command line. Every command says what it does with --help, and ends with the same exit codes."""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import traceback

import click

from conformance.errors import HarnessError, UsageError

EXIT_ERROR = 3
EXIT_USAGE = 64

EPILOG = """\b
Exit codes:
  0  pass: every mandatory requirement held
  1  fail: at least one mandatory requirement was violated
  2  inconclusive: nothing was violated, but not everything could be shown
  3  the harness or the infrastructure failed
 64  the command, a name or a file given cannot be used

\b
Start here:
  multisite-ha run           two OpenStack clouds on this machine, a VNF, a lost site, a verdict
  multisite-ha doctor        is this machine ready?
"""


# What each command is, and what it says of itself in its first sentence: the list of all imports none of them.
COMMANDS = {
    "run": ("conformance.cli.run:run", "Carry out the features of a profile and judge them."),
    "judge": ("conformance.cli.judge:judge", "Judge a stored run again, offline, and write its reports again."),
    "report": ("conformance.cli.judge:report", "Write the reports of a stored run again and say where they are."),
    "bundle": (
        "conformance.cli.bundle:bundle",
        "Pack a run folder into one archive, with a SHA-256 of every file, signed or not.",
    ),
    "verify": ("conformance.cli.bundle:verify", "Say whether a bundle, or a run folder, is as it was written."),
    "diff": ("conformance.cli.compare:diff", "Say what changed from the first run to the second."),
    "trend": (
        "conformance.cli.compare:trend",
        "Draw how verdicts and figures went over all the runs and bundles in FOLDER, as one page for people.",
    ),
    "export": ("conformance.cli.export:export", "Write a stored history for Jepsen's checkers (Knossos, Elle)."),
    "requirements": (
        "conformance.cli.requirements:requirements",
        "List the requirement catalogue: what must hold, where it comes from, and how many scenarios judge it.",
    ),
    "steps": (
        "conformance.cli.steps:steps",
        "List the sentences that features can be written with; with WORDs, those that hold all of them.",
    ),
    "lab": (
        "conformance.cli.lab:lab",
        "Start and stop real OpenStack clouds on this machine: keystone, placement, glance, nova, neutron and cinder.",
    ),
    "proxy": (
        "conformance.cli.proxy:proxy",
        "Run the link proxy alone: a TCP fault proxy that speaks Toxiproxy's HTTP API.",
    ),
    "doctor": (
        "conformance.cli.doctor:doctor",
        "Check what `run` needs on this machine: Python, disk, memory, loopback addresses, what earlier runs left.",
    ),
}


class LazyGroup(click.Group):
    """Imports a command when it is asked for: importing all of them takes seconds."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, each with its sentence."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, sentence) for name, (_, sentence) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(package_name="multisite-ha")
def cli() -> None:
    """Prove, or disprove, that OpenStack clouds keep the multisite high-availability requirements of OPNFV.

    Features in Gherkin state what must hold. They are carried out against two or more real clouds while the link
    between them is disturbed and a whole site is lost; checkers judge the record; a report traces every verdict to its
    clause.
    """


def main() -> None:
    """Entry point of the command `multisite-ha`."""
    sys.exit(_main())


def _main() -> int:
    try:
        result = cli.main(standalone_mode=False)
        return result if isinstance(result, int) else 0
    except UsageError as error:
        return _say(str(error), EXIT_USAGE)
    except HarnessError as error:
        return _say(str(error), EXIT_ERROR)
    except click.UsageError as error:
        error.show()
        return EXIT_USAGE
    except click.ClickException as error:
        return _say(error.format_message(), EXIT_ERROR)
    except (KeyboardInterrupt, click.Abort):
        return _say("Interrupted.", EXIT_ERROR)
    except BrokenPipeError:
        # The reader of our output went away (for example `| head`): nothing left to say, and no traceback for it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ERROR
    except Exception as error:  # a defect of ours: the user gets a sentence and a file to report, not a traceback
        return _say(
            f"Internal error: {error!r}. This is a defect; please report it with {_keep_traceback()}.", EXIT_ERROR
        )


def _keep_traceback() -> str:
    handle, path = tempfile.mkstemp(prefix="multisite-ha-", suffix=".traceback")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        traceback.print_exc(file=file)
    return path


def _say(text: str, code: int) -> int:
    click.echo(f"multisite-ha: {text}", err=True)
    return code

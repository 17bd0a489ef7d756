"""`multisite-ha bundle` and `multisite-ha verify`: evidence that can be handed on, and whether it is unaltered."""

from __future__ import annotations

from pathlib import Path

import click

from conformance.bundle import inspect, pack
from conformance.cli.judge import rewrite
from conformance.cli.targets import check_target
from conformance.errors import UsageError
from conformance.report import MANIFEST_FILE, default_formats
from conformance.signing import read_public_key, read_signing_key
from conformance.store import RunFolder

_PATH = click.Path(path_type=Path)


@click.command()
@click.argument("run", type=_PATH, metavar="RUN")
@click.option("--sign", type=_PATH, metavar="KEY", help="Sign with this private Ed25519 key (PEM).")
@click.option("--out", type=_PATH, metavar="FILE", help="The archive. Default: RUN-ID.tar.gz beside the run folder.")
def bundle(run: Path, sign: Path | None, out: Path | None) -> int:
    """Pack a run folder into one archive, with a SHA-256 of every file, signed or not.

    The same run always gives the same bytes. `multisite-ha verify` finds what was altered since, and `multisite-ha
    judge` judges the archive again on any machine. A run that was cut short is judged first.

    \b
    A key of your own:
      openssl genpkey -algorithm ed25519 -out key.pem
      openssl pkey -in key.pem -pubout -out pub.pem
    """
    key = read_signing_key(sign) if sign else None
    info = RunFolder(run).info()
    target = out or run.resolve().parent / f"{info.run_id}.tar.gz"
    if target.resolve().is_relative_to(run.resolve()):
        raise UsageError(f"The bundle {target} would lie in the folder that it is made of. Choose another with --out.")
    check_target(target)
    if sign is not None and target.resolve() == sign.resolve():
        raise UsageError(f"The bundle would take the place of the key {sign}. Choose another place with --out.")
    if not (run / MANIFEST_FILE).exists():
        rewrite(run, default_formats())
    pack(run, info.run_id, target, key)
    click.echo(target)
    return 0


@click.command()
@click.argument("run", type=_PATH, metavar="BUNDLE|RUN")
@click.option("--key", type=_PATH, metavar="PUB", help="The public Ed25519 key (PEM) it must be signed with.")
def verify(run: Path, key: Path | None) -> int:
    """Say whether a bundle, or a run folder, is as it was written. Exit code 0: it is; 1: it was altered.

    Every file that was changed, removed or added is named.
    """
    public = read_public_key(key) if key else None
    if not run.exists():
        raise UsageError(f"Expected a bundle or a run folder at {run}; there is nothing.")
    seen = inspect(run, public)
    for problem in seen.problems:
        click.echo(f"ALTERED: {problem}")
    if seen.problems:
        return 1
    click.echo(f"Unaltered: {seen.files} files are as {MANIFEST_FILE} says. {seen.signature}")
    return 0

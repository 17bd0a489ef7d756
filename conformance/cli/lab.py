"""`multisite-ha lab`: real OpenStack clouds on this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.table import Table

from conformance.errors import UsageError
from conformance.lab import Lab, LabStatus, site_names
from conformance.lab.namespaces import MODES

MIB = 1 << 20

_name = click.option(
    "--name",
    default="default",
    show_default=True,
    metavar="NAME",
    help="Which lab; labs of different names run side by side.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def lab() -> None:
    """Start and stop real OpenStack clouds on this machine: keystone, placement, glance, nova, neutron and cinder.

    No root, no containers and no virtualisation are needed. An instance is a process tree of this machine that runs its
    user_data script as cloud-init would. In namespaces mode packets pass as Neutron says; in loopback mode guests are
    bound to fixed IPs in 127.0.0.0/8, and security groups, routers and L2 isolation are API records only.

    \b
      multisite-ha lab up              two clouds, site-a and site-b
      multisite-ha lab exec -- openstack --os-cloud lab-site-a server list
      multisite-ha lab kill site-a     site loss: SIGKILL to everything of site-a, guests included
      multisite-ha lab start site-a    bring it back from its own databases
      multisite-ha lab down            stop everything and forget what was in the clouds

    The first start builds the OpenStack environment and the databases once; they are kept in the cache directory.
    """


@lab.command()
@_name
@click.option(
    "--sites", type=click.IntRange(2, 10), help="How many clouds a new lab has: site-a, site-b, ...  [default: 2]"
)
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default="auto",
    show_default=True,
    help="Whether packets pass as Neutron says (namespaces) or all guests share this machine's loopback.",
)
def up(name: str, sites: int | None, mode: str) -> None:
    """Start the lab, or whatever of it is not running, and wait until all of it is usable."""
    names = site_names(sites) if sites else None
    started = time.monotonic()
    with _progress() as progress:
        chosen = Lab(name, names, progress, mode)
        chosen.up()
        progress(f"lab {name} is up after {time.monotonic() - started:.1f} s; clouds: {chosen.clouds_yaml}")


@lab.command()
@_name
def down(name: str) -> None:
    """Stop everything of the lab and remove its clouds; logs stay until the next start."""
    with _progress() as progress:
        Lab(name, progress=progress).down()
        progress(f"lab {name} is down")


@lab.command()
@_name
def status(name: str) -> None:
    """Show sites, services with process, memory and answer, and guests. Exit code 0 if all is up, 3 if not."""
    found = Lab(name).status()
    _show(found, Console())
    if not found.up:
        raise SystemExit(3)


@lab.command()
@click.argument("site")
@_name
def kill(site: str, name: str) -> None:
    """Lose SITE: SIGKILL to all its services, its guests and everything they started, at once."""
    killed = Lab(name).kill_site(site)
    click.echo(f"{site}: {killed} processes killed", err=True)


@lab.command()
@click.argument("site")
@_name
def start(site: str, name: str) -> None:
    """Bring SITE back from its own databases; guests that ran when it was lost are started again."""
    started = time.monotonic()
    with _progress() as progress:
        Lab(name, progress=progress).start_site(site)
        progress(f"{site} is back after {time.monotonic() - started:.1f} s")


@lab.command()
@_name
@click.option("--path", "only_path", is_flag=True, help="Print the path of clouds.yaml and nothing else.")
def clouds(name: str, only_path: bool) -> None:
    """Print where clouds.yaml is and how to use it."""
    chosen = Lab(name)
    found = chosen.clouds()
    if only_path:
        click.echo(chosen.clouds_yaml)
        return
    click.echo(f"clouds.yaml: {chosen.clouds_yaml}\nsites file:  {chosen.sites_yaml}\n")
    option = "" if name == "default" else f"--name {name} "
    for cloud in found.values():
        click.echo(f"multisite-ha lab exec {option}-- openstack --os-cloud {cloud} server list")


@lab.command("exec", context_settings={"ignore_unknown_options": True})
@_name
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND...")
def exec_(name: str, words: tuple[str, ...]) -> None:
    """Run COMMAND where the lab's addresses lead somewhere, with its clouds.yaml: a client, curl, ping, a shell."""
    chosen = Lab(name)
    os.environ["OS_CLIENT_CONFIG_FILE"] = str(chosen.clouds_yaml)
    command = chosen.command(words)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        raise UsageError(f"{command[0]!r} cannot be run: {error.strerror}.") from None


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Progress on stderr: lines with a time; on a terminal also a spinner with the present step."""
    console = Console(stderr=True, highlight=False)
    started = time.monotonic()

    def line(message: str) -> None:
        console.print(f"{time.monotonic() - started:6.1f} s  {message}", markup=False, soft_wrap=True)

    if not console.is_terminal:
        yield line
        return
    with console.status("Ctrl-C stops and removes what has been started"):
        yield line


def _show(found: LabStatus, console: Console) -> None:
    if found.slot is None:
        console.print(
            f"lab {found.name}: does not exist. Start it: multisite-ha lab up --name {found.name}", soft_wrap=True
        )
        return
    state = "up" if found.up else "not up"
    console.print(
        f"lab {found.name}: {state}, {found.memory / MIB:.0f} MiB, slot {found.slot}, {found.directory}", soft_wrap=True
    )
    console.print(f"mode: {found.mode}", soft_wrap=True)
    console.print(f"supervisor: {found.supervisor or 'not running'}")
    for site in found.sites:
        table = Table(
            title=f"{site.name} · cloud {site.cloud} · {'up' if site.up else 'DOWN'}", title_justify="left", box=None
        )
        for heading, justify in (
            ("service", "left"),
            ("pid", "right"),
            ("MiB", "right"),
            ("threads", "right"),
            ("API", "left"),
        ):
            table.add_column(heading, justify=justify)  # type: ignore[arg-type]
        for service in site.services:
            api = service.url or ""
            table.add_row(
                service.name,
                str(service.pid or "-"),
                f"{service.memory / MIB:.0f}",
                str(service.threads),
                api if service.answers else f"{api} no answer",
            )
        console.print(table)
        for guest in site.guests:
            power = f"pid {guest.pid}, {guest.processes} processes" if guest.pid else "off"
            console.print(
                f"  guest {guest.name} {guest.uuid} {' '.join(guest.addresses)} on {guest.host}: {power}",
                soft_wrap=True,
            )

"""How real the lab's clouds are: OpenStack's own test suite, tempest, against a lab, and the guests beside it.

    tox -e tempest                      tempest's smoke tests, then the checks of guests
    tox -e tempest -- api               the API suites (about half an hour on two cores)
    tox -e tempest -- guests            the checks of guests only
    tox -e tempest -- api --failed-of reports/tempest-api/results.json      once more what failed then

Results are in reports/tempest-<suite>/ (with -again or -part after it when only some tests were asked for), and the
workspace with tempest's log is below the state directory. Exit status: 0 passed, 1 failed, 3 could not be run.
"""

from __future__ import annotations

import argparse
import fcntl
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from guests import Check, leftovers, verify
from keystoneauth1.exceptions import ClientException
from openstack.config import OpenStackConfig
from openstack.connection import Connection
from openstack.exceptions import SDKException
from results import Report, compare, lines, write
from seeding import configure, image_server, seed
from suites import SUITES, Outcome, environment, run, selection
from watch import Watch

from conformance.errors import HarnessError
from conformance.lab import Lab
from conformance.lab.status import ServiceStatus
from conformance.paths import cache_dir, state_dir

REPORTS = Path(__file__).parents[2] / "reports"


def main() -> int:
    """Run what the command line asks for; returns the exit status."""
    options = _options()
    directory = options.out or REPORTS / _folder(options)
    for number in (signal.SIGINT, signal.SIGTERM):  # both clean up, also where a shell had SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    try:
        chosen = selection(options.suite, options.regex, options.failed_of)
        with _alone(options.lab):
            # In namespaces mode neither tempest nor the guests' networks could be reached from where this runs.
            lab = Lab(options.lab, progress=_say, mode="loopback")
            try:
                report = _report(options, chosen, lab)
            finally:
                if not options.keep_lab:
                    lab.down()
        write(directory, report)
    except (HarnessError, SDKException, ClientException, OSError) as error:
        print(f"tempest: {error}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("tempest: interrupted; nothing is left running", file=sys.stderr)
        return 130
    print("\n".join(["", *lines(report), "", f"Results: {directory}"]))
    return 0 if report.passed else 1


def _folder(options: argparse.Namespace) -> str:
    part = "-again" if options.failed_of else "-part" if options.regex else ""
    return f"tempest-{options.suite}{part}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", nargs="?", choices=(*SUITES, "guests"), default="smoke")
    parser.add_argument("--regex", help="instead of the suite: tests that this regular expression finds")
    parser.add_argument("--failed-of", type=Path, metavar="RESULTS.JSON", help="only the tests that failed in that run")
    parser.add_argument("--concurrency", type=int, default=2, help="tempest workers (default: 2)")
    parser.add_argument("--out", type=Path, help="folder of the results (default: reports/tempest-<suite>)")
    parser.add_argument("--lab", default="tempest", help="name of the lab to start (default: tempest)")
    parser.add_argument("--keep-lab", action="store_true", help="leave the lab running")
    return parser.parse_args()


@contextmanager
def _alone(lab: str) -> Iterator[None]:
    """Keep other runs off this lab: the first one to end would take it down."""
    lock = state_dir() / "tempest" / f"{lab}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HarnessError(
                f"Another run uses the lab {lab}. Wait for it, or use a lab of another name: --lab NAME."
            ) from None
        yield


def _report(options: argparse.Namespace, chosen: list[str], lab: Lab) -> Report:
    binaries = environment(cache_dir(), _say) if chosen else None
    lab.up()
    site = next(iter(yaml.safe_load(lab.sites_yaml.read_text())["sites"].values()))
    cloud = Connection(config=OpenStackConfig(config_files=[str(lab.clouds_yaml)]).get_one(site["cloud"]))
    workspace = _workspace(options)
    image_file = workspace / "images" / "tempest.img"
    seeded = seed(cloud, image_file)
    before = _services(lab)
    started = time.monotonic()
    outcomes: list[Outcome] = []
    checks: list[Check] = []
    if binaries:
        watch = Watch(lab, cloud)
        with image_server(site["link_address"], image_file) as web, watch.watching():
            configure(cloud, seeded, web, image_file, workspace)
            outcomes = run(binaries, workspace, chosen, options.concurrency, _say)
        checks = [watch.check(), leftovers(lab, cloud)]
    seconds = time.monotonic() - started
    try:
        checks += verify(lab, cloud, seeded, site["tenant_pool"], _say)
    except (SDKException, ClientException) as error:  # what the suite came to must not be lost
        checks.append(Check("a guest could be created, and deleted in the end", False, str(error), 0.0))
    services = compare(before, _services(lab))
    return Report(options.suite, " ".join(chosen), seconds, tuple(outcomes), tuple(checks), services)


def _workspace(options: argparse.Namespace) -> Path:
    """An empty directory for tempest, closed to others: its configuration holds the cloud's password."""
    workspace = state_dir() / "tempest" / f"{options.lab}-{options.suite}"
    shutil.rmtree(workspace, ignore_errors=True)
    (workspace / "images").mkdir(parents=True)
    workspace.chmod(0o700)
    return workspace


def _services(lab: Lab) -> tuple[ServiceStatus, ...]:
    return lab.status().sites[0].services


def _say(message: str) -> None:
    print(message, flush=True)


if __name__ == "__main__":
    sys.exit(main())

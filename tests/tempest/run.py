"""How real the lab's clouds are: OpenStack's own test suite, tempest, against a lab, and the guests beside it.

    tox -e tempest                      tempest's smoke tests, then the checks of guests
    tox -e tempest -- api               the API suites (about half an hour on two cores)
    tox -e tempest -- guests            the checks of guests only
    tox -e tempest -- api --failed-of reports/tempest-api/results.json      once more what failed then

Results are in reports/tempest-<suite>/. Exit status: 0 passed, 1 failed, 3 could not be run.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

import yaml
from guests import Check, leftovers, verify
from openstack.config import OpenStackConfig
from openstack.connection import Connection
from openstack.exceptions import SDKException
from results import Report, Service, lines, load_failures, write
from seeding import configure, image_server, seed
from suites import SUITES, Outcome, environment, run, selection
from watch import Watch

from conformance.errors import HarnessError
from conformance.lab import Lab
from conformance.lab.status import ServiceStatus
from conformance.paths import cache_dir, state_dir

REPORTS = Path(__file__).parents[2] / "reports"
MIB = 1 << 20


def main() -> int:
    """Run what the command line asks for; returns the exit status."""
    options = _options()
    directory = options.out or REPORTS / f"tempest-{options.suite}"
    lab = Lab(options.lab, progress=_say)
    try:
        if lab.is_up():
            _say(f"a lab named {options.lab} runs already: it is used, and taken down in the end")
        report = _report(options, lab)
        write(directory, report)
    except (HarnessError, SDKException, OSError) as error:
        print(f"tempest: {error}", file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        print("tempest: interrupted", file=sys.stderr)
        return 130
    finally:
        if not options.keep_lab:
            lab.down()
    print("\n".join(["", *lines(report), "", f"Results: {directory}"]))
    return 0 if report.passed else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("suite", nargs="?", choices=(*SUITES, "guests"), default="smoke")
    parser.add_argument("--regex", help="instead of the suite: tests that this regular expression finds")
    parser.add_argument(
        "--failed-of", type=Path, metavar="RESULTS.JSON", help="only the tests that failed in that run"
    )
    parser.add_argument("--concurrency", type=int, default=2, help="tempest workers (default: 2)")
    parser.add_argument(
        "--out", type=Path, help="where results are written (default: reports/tempest-<suite>)"
    )
    parser.add_argument("--lab", default="tempest", help="name of the lab to start (default: tempest)")
    parser.add_argument("--keep-lab", action="store_true", help="leave the lab running")
    options = parser.parse_args()
    if options.failed_of and not options.failed_of.is_file():
        parser.error(f"--failed-of: there is no file {options.failed_of}")
    return options


def _report(options: argparse.Namespace, lab: Lab) -> Report:
    binaries = environment(cache_dir(), _say) if options.suite in SUITES else None
    lab.up()
    site = next(iter(yaml.safe_load(lab.sites_yaml.read_text())["sites"].values()))
    cloud = Connection(config=OpenStackConfig(config_files=[str(lab.clouds_yaml)]).get_one(site["cloud"]))
    workspace = state_dir() / "tempest" / options.suite
    shutil.rmtree(workspace, ignore_errors=True)
    (workspace / "images").mkdir(parents=True)
    workspace.chmod(0o700)
    image_file = workspace / "images" / "tempest.img"
    seeded = seed(cloud, image_file)
    before = _services(lab)
    started = time.monotonic()
    chosen: list[str] = []
    outcomes: list[Outcome] = []
    checks: list[Check] = []
    if binaries:
        chosen = selection(
            options.suite, options.regex, load_failures(options.failed_of) if options.failed_of else []
        )
        watch = Watch(lab, cloud)
        with image_server(site["link_address"], image_file) as web, watch.watching():
            configure(cloud, seeded, web, image_file, workspace)
            outcomes = run(binaries, workspace, chosen, options.concurrency, _say)
        checks = [watch.check(), leftovers(lab, cloud)]
    seconds = time.monotonic() - started
    checks += verify(lab, cloud, seeded, site["tenant_pool"], _say)
    after = _services(lab)
    services = [
        Service(name, _mib(before[name]), _mib(after[name]), before[name].threads, after[name].threads)
        for name in before
    ]
    return Report(
        options.suite, " ".join(chosen) or "guests", seconds, tuple(outcomes), tuple(checks), tuple(services)
    )


def _services(lab: Lab) -> dict[str, ServiceStatus]:
    return {service.name: service for service in lab.status().sites[0].services}


def _mib(service: ServiceStatus) -> int:
    return service.memory // MIB


def _say(message: str) -> None:
    print(message, flush=True)


if __name__ == "__main__":
    sys.exit(main())

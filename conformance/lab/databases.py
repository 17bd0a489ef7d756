"""Cached databases: the schemas, migrated once for everybody, and each site's seeded copy.

``schema-<key>/db`` is made by the projects' own migrations; ``site-<name>-<addresses>-<key>/`` is a copy of it after
seeding, with ids and a password of its own, so that no two clouds share what different clouds would not share.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import uuid
from collections.abc import Callable
from pathlib import Path

from conformance.lab import environment
from conformance.lab.addressing import SiteAddresses
from conformance.lab.files import write_private
from conformance.lab.site import LabSite, write_files
from conformance.lab.supervisor import INSIDE, Job, Supervisor

DATABASES = ("keystone", "placement", "glance", "neutron", "cinder", "nova_api", "nova", "nova.sqlite_cell0")
SERVICES = ("nova", "neutron", "cinder", "glance", "keystone", "placement")  # the longest migration first
MIGRATION_TIMEOUT = 300.0


def key() -> str:
    """Names a generation of databases: the packages, the migration and the seed."""
    digest = hashlib.sha256(environment.LOCK.read_bytes())
    for name in ("schema.py", "seed.py"):
        digest.update((INSIDE / "labcloud" / name).read_bytes())
    return digest.hexdigest()[:12]


def schema_path(cache: Path) -> Path:
    """Directory of the migrated, empty databases."""
    return cache / f"schema-{key()}"


def seeded_path(cache: Path, name: str, addresses: SiteAddresses) -> Path:
    """Directory of a site's seeded databases."""
    return cache / f"site-{name}-{addresses.key}-{key()}"


def ensure_schema(
    cache: Path, site: LabSite, venv: Path, supervisor: Supervisor, progress: Callable[[str], None]
) -> Path:
    """Migrate all databases once, in a scratch site with ``site``'s addresses (nothing of them ends up in a schema)."""
    final = schema_path(cache)
    if final.exists():
        return final
    progress("migrating the databases of all services (once)")
    for leftover in cache.glob(".schema-*"):
        shutil.rmtree(leftover)
    building = cache / f".schema-{os.getpid()}"
    try:
        scratch = LabSite("schema", site.lab, building, site.addresses, site.password)
        write_files(scratch, venv, guest_path="")
        jobs = [
            Job(
                service,
                "labcloud.schema:migrate",
                (service,),
                supervisor.title(f"migration of {service}'s database"),
                building,
                supervisor.log,
            )
            for service in SERVICES
        ]
        supervisor.run(jobs, MIGRATION_TIMEOUT, done=lambda job: progress(f"{job.what}: done"))
        for name in DATABASES[:-1]:
            _merge_log(building / "db" / _file(name))
        shutil.copy(building / "db" / "nova.sqlite", building / "db" / "nova.sqlite_cell0")
        _keep_only_databases(building)
        for outdated in cache.glob("schema-*"):
            shutil.rmtree(outdated)
        building.rename(final)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return final


def instantiate(source: Path, site: LabSite) -> None:
    """Copy cached databases into a site."""
    target = site.directory / "db"
    for name in DATABASES:
        shutil.copy(source / "db" / _file(name), target / _file(name))


def copy_seeded(cache: Path, site: LabSite) -> bool:
    """Copy the site's seeded databases from the cache; False when there are none that go with its password."""
    if seeded_password(cache, site.name, site.addresses) != site.password:
        return False
    instantiate(seeded_path(cache, site.name, site.addresses), site)
    return True


def renew_ids(site: LabSite) -> None:
    """Give what migrations insert ids of this site's own."""
    with sqlite3.connect(site.directory / "db" / _file("cinder")) as connection:
        connection.execute("UPDATE volume_types SET id = ? WHERE name = '__DEFAULT__'", (str(uuid.uuid4()),))
    connection.close()
    with sqlite3.connect(site.directory / "db" / _file("neutron")) as connection:
        for (old,) in connection.execute("SELECT id FROM securitygroupdefaultrules").fetchall():
            connection.execute("UPDATE securitygroupdefaultrules SET id = ? WHERE id = ?", (str(uuid.uuid4()), old))
    connection.close()


def save_seeded(cache: Path, site: LabSite) -> None:
    """Keep consistent copies of a freshly seeded site's databases (its services may be running) and its password."""
    final = seeded_path(cache, site.name, site.addresses)
    building = cache / f".{final.name}"  # nobody else builds it: the addresses' key belongs to this lab
    shutil.rmtree(building, ignore_errors=True)
    try:
        (building / "db").mkdir(parents=True, mode=0o700)
        building.chmod(0o700)
        for name in DATABASES:
            source = sqlite3.connect(site.directory / "db" / _file(name))
            copy = sqlite3.connect(building / "db" / _file(name))
            source.backup(copy)
            copy.close()
            source.close()
        write_private(building / "password", site.password)
        for outdated in cache.glob(f"site-{site.name}-{site.addresses.key}-????????????"):
            shutil.rmtree(outdated)
        building.rename(final)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def seeded_password(cache: Path, name: str, addresses: SiteAddresses) -> str | None:
    """Password that belongs to the cached databases of a site, or None when there are none."""
    try:
        return (seeded_path(cache, name, addresses) / "password").read_text()
    except FileNotFoundError:
        return None


def _file(name: str) -> str:
    return name if "." in name else f"{name}.sqlite"


def _merge_log(database: Path) -> None:
    """Write sqlite's write-ahead log into the database file, which is copied alone."""
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()


def _keep_only_databases(directory: Path) -> None:
    for entry in directory.iterdir():
        if entry.name == "db":
            continue
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()

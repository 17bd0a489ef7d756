"""A VNF that is one cluster over three sites: its blueprint, its needs, and what its guests make of Patroni's words."""

from __future__ import annotations

import json
import sys
from concurrent.futures import Future
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest

from conformance.errors import UsageError
from conformance.lab import packages
from conformance.request import Request, RunOptions
from conformance.sites import LabPower, Site
from conformance.vnf import (
    Blueprint,
    Deployment,
    Endpoint,
    Guest,
    begin_stretched,
    check_programs,
    load_blueprint,
    stretched,
)
from conformance.vnf.build import Build
from conformance.vnf.deploy import Layout
from conformance.vnf.guests import not_ready
from conformance.vnf.machines import Parts
from conformance.vnf.needs import packages_of
from conformance.vnf.networking import BuiltPort

PROGRAMS = Path(__file__).parents[2] / "fixtures" / "vnfs" / "subscriber-db"
PEERS = {"consensus": [{"oam": "10.1.0.30"}], "database": [{"oam": "10.1.0.10", "service": "10.1.1.10"}]}
CONFIG: dict[str, Any] = {
    "run_id": "20261122T000000Z-abcdef.1",
    "site": "site-a",
    "addresses": PEERS["database"][0],
    "peers": PEERS,
    "elsewhere": {
        "site-b": {"consensus": [{"oam": "10.2.0.30"}], "database": [{"oam": "10.2.0.10", "service": "10.2.1.10"}]},
        "site-c": {"consensus": [{"oam": "10.3.0.30"}]},
    },
    "variables": {"replication": "sync", "ttl_s": 20, "loop_wait_s": 2, "retry_timeout_s": 5},
    "primary": None,
    "packages": None,
}


@pytest.fixture
def guest(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The database guest's program."""
    monkeypatch.syspath_prepend(str(PROGRAMS))
    for name in ("guest", "consensus", "postgresql", "schema", "stretched"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import stretched

    monkeypatch.setattr(stretched, "binaries", lambda: Path("/usr/lib/postgresql/15/bin"))
    return cast(ModuleType, stretched)


class InLab:
    class spec:
        power = LabPower(driver="lab", lab="default")


class Elsewhere:
    class spec:
        power = None


def variant(**fields: Any) -> Blueprint:
    shipped = load_blueprint("subscriber-db-patroni").model_dump(exclude={"needs"})
    return Blueprint.model_validate({**shipped, **fields})


def test_the_shipped_one_takes_three_sites_and_leaves_only_the_witness_to_the_third() -> None:
    for name in ("subscriber-db-patroni", "subscriber-db-patroni-async"):
        blueprint = load_blueprint(name)
        assert blueprint.sites == 3 and blueprint.witness == ("consensus",)
        assert blueprint.needs.packages is not None and "patroni==" in blueprint.needs.packages.read_text()
    assert load_blueprint("subscriber-db-sync").sites == 2


@pytest.mark.parametrize(
    ("fields", "said"), [({"witness": ["arbiter"]}, "role 'arbiter'"), ({"replication": None}, "it needs replication")]
)
def test_a_witness_that_makes_no_sense_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        variant(**fields)


def test_a_program_that_is_missing_is_said_with_what_to_install() -> None:
    needing = load_blueprint("subscriber-db-patroni").needs.model_copy(update={"programs": {"no-such-etcd": "etcd-x"}})
    blueprint = load_blueprint("subscriber-db-patroni").model_copy(update={"needs": needing})
    with pytest.raises(UsageError, match="not applicable here.*no-such-etcd.*apt-get install etcd-x"):
        check_programs(blueprint)


def test_a_scheme_that_would_place_it_is_refused_before_anything_is_started() -> None:
    with pytest.raises(UsageError, match="--scheme observe"):
        Request.read(RunOptions(vnf="subscriber-db-patroni", scheme="reference"))


class Named:
    def __init__(self, name: str) -> None:
        self.name = name


def test_members_know_each_other_before_any_of_them_boots(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = {"site-a": 1, "site-b": 2, "site-c": 3}
    steps: list[tuple[str, str]] = []
    told: dict[str, Any] = {}

    def lay_out(build: Build, *_: object) -> Layout:
        number = numbers[build.site.name]
        ports = {
            f"{role}-{member}": {p.network: BuiltPort("", f"10.{number}.0.{p.offset + member}") for p in settings.ports}
            for role, settings in build.blueprint.roles.items()
            for member in settings.members
        }
        steps.append(("lay out", build.site.name))
        return Layout(build, Parts({}, {}, {}, ports, {}), {}, Future())

    def boot(layout: Layout, _workers: object, **fields: Any) -> Deployment:
        site = layout.build.site.name
        steps.append(("boot", site))
        told[site] = fields
        return Deployment(site, "run", layout.build.blueprint, (), primary=fields["standby_of"])

    monkeypatch.setattr(stretched, "lay_out", lay_out)
    monkeypatch.setattr(stretched, "boot", boot)
    monkeypatch.setattr(
        stretched, "replicate_images", lambda images, first, there: steps.append(("copy", there.site.name))
    )
    sites = [cast(Site, Named(name)) for name in numbers]
    made = begin_stretched(sites, load_blueprint("subscriber-db-patroni"), "run")
    assert [what for what, _ in steps] == ["lay out", "copy", "lay out", "copy", "lay out", "boot", "boot", "boot"]
    assert [there.site for there in (made, *made.elsewhere)] == ["site-a", "site-b", "site-c"]
    assert set(made.elsewhere[1].blueprint.roles) == {"consensus"}
    assert set(told["site-a"]["elsewhere"]) == {"site-b", "site-c"} and told["site-a"]["standby_of"] is None
    assert told["site-c"]["elsewhere"]["site-b"]["database"] == [{"oam": "10.2.0.10", "service": "10.2.0.10"}]
    assert told["site-b"]["standby_of"] == Endpoint("10.1.0.10", 5432)


def test_a_member_of_no_service_is_asked_for_its_health() -> None:
    blueprint = load_blueprint("subscriber-db-patroni")
    guest = Guest("consensus-0", "consensus", 0, "id", {"oam": "10.1.0.30"})
    vnf = Deployment("site-a", "run", blueprint, (guest,))
    assert vnf.status_url(guest) == "http://10.1.0.30:2379/health"
    assert not_ready(vnf, guest, {"health": "true"}) is None
    assert "does not answer" in str(not_ready(vnf, guest, None))


def test_guests_find_the_packages_in_the_lab_and_get_them_by_themselves_elsewhere() -> None:
    blueprint = load_blueprint("subscriber-db-patroni")
    assert "packages-" in str(packages_of(blueprint, cast(Site, InLab())))
    assert packages_of(blueprint, cast(Site, Elsewhere())) is None
    assert packages_of(load_blueprint("subscriber-db-sync"), cast(Site, InLab())) is None


def test_packages_are_made_once_and_what_was_interrupted_is_not_taken_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def install(where: list[str], *_: object) -> None:
        made.append(where[1])
        Path(where[1]).mkdir()
        if len(made) == 1:
            raise KeyboardInterrupt

    lock = tmp_path / "some.lock"
    lock.write_text("patroni==4.1.5\n")
    monkeypatch.setattr(packages.environment, "install", install)
    with pytest.raises(KeyboardInterrupt):
        packages.ensure(tmp_path / "cache", lock, print)
    assert not packages.folder(tmp_path / "cache", lock).exists()
    for _ in range(2):
        assert packages.ensure(tmp_path / "cache", lock, print) == packages.folder(tmp_path / "cache", lock)
    assert len(made) == 2 and not Path(made[0]).exists()


def test_etcd_has_a_member_at_every_site(guest: ModuleType) -> None:
    import consensus  # type: ignore[import-not-found]

    assert consensus.members(CONFIG) == {"site-a": "10.1.0.30", "site-b": "10.2.0.30", "site-c": "10.3.0.30"}
    witness = {**CONFIG, "site": "site-c", "addresses": {"oam": "10.3.0.30"}, "peers": CONFIG["elsewhere"]["site-c"]}
    witness["elsewhere"] = {"site-a": PEERS, "site-b": CONFIG["elsewhere"]["site-b"]}
    words = consensus.command(witness, "/state")
    cluster = words[words.index("--initial-cluster") + 1]
    assert cluster == "site-a=http://10.1.0.30:2380,site-b=http://10.2.0.30:2380,site-c=http://10.3.0.30:2380"
    assert words[words.index("--name") + 1] == "site-c"


@pytest.mark.parametrize("replication", ["sync", "async"])
def test_patroni_is_told_of_all_of_etcd_and_how_to_replicate(guest: ModuleType, replication: str) -> None:
    config = {**CONFIG, "variables": {**CONFIG["variables"], "replication": replication}}
    made = guest.settings(config, Path("/state"))
    assert made["etcd3"]["hosts"] == ["10.1.0.30:2379", "10.2.0.30:2379", "10.3.0.30:2379"]
    assert made["bootstrap"]["dcs"]["synchronous_mode"] is (replication == "sync")
    assert made["postgresql"]["listen"] == "10.1.0.10,10.1.1.10:5432"
    json.dumps(made)


@pytest.mark.parametrize(
    ("standing_by", "role", "database"), [(False, "primary", "writable"), (True, "standby", "read-only")]
)
def test_who_is_the_primary_is_postgresqls_own_word(
    guest: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, standing_by: bool, role: str, database: str
) -> None:
    member = guest.Member(CONFIG, tmp_path)
    member.said = {"role": "primary"}  # whatever Patroni said a moment ago
    monkeypatch.setattr(member.cluster, "query", lambda sql: [{"standing_by": standing_by, "lsn": "0/1"}])
    assert (member.status()["role"], member.status()["database"]) == (role, database)


def test_a_database_that_does_not_answer_is_no_primary(
    guest: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_sql: str) -> None:
        raise guest.psycopg2.OperationalError("refused")

    member = guest.Member(CONFIG, tmp_path)
    monkeypatch.setattr(member.cluster, "query", refused)
    assert (member.status()["role"], member.status()["database"]) == ("starting", "down")


@pytest.mark.parametrize(
    ("role", "state", "synchronous", "protected"),
    [
        ("sync_standby", "streaming", True, True),
        ("sync_standby", "starting", True, False),
        ("replica", "streaming", True, False),  # PostgreSQL may know it as synchronous already; etcd does not
        ("replica", "streaming", False, True),
        ("leader", "running", False, False),
    ],
)
def test_it_is_protected_by_whom_patroni_would_promote(
    guest: ModuleType, role: str, state: str, synchronous: bool, protected: bool
) -> None:
    assert guest.protected({"members": [{"name": "x", "role": role, "state": state}]}, synchronous) is protected
    assert guest.protected({}, synchronous) is False

"""A blueprint is checked as a whole before anything is built from it."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from conformance.errors import UsageError
from conformance.resources import fixtures_dir
from conformance.vnf import load_blueprint

SHIPPED = fixtures_dir() / "vnfs" / "subscriber-db-sync.yaml"


def written(folder: Path, data: Any, name: str = "mine.yaml") -> Path:
    (folder / "subscriber-db").mkdir(exist_ok=True)
    (folder / "subscriber-db" / "guest.sh.j2").write_text("#!/bin/sh\n")
    path = folder / name
    path.write_text(data if isinstance(data, str) else yaml.safe_dump(data))
    return path


def changed(folder: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    data = deepcopy(yaml.safe_load(SHIPPED.read_text()))
    change(data)
    return written(folder, data)


def test_the_two_shipped_blueprints_differ_only_in_how_they_replicate() -> None:
    sync, asynchronous = load_blueprint("subscriber-db-sync"), load_blueprint("subscriber-db-async")
    assert (sync.name, asynchronous.name) == ("subscriber-db-sync", "subscriber-db-async")
    assert sync.variables == {"replication": "sync", "serve_alone_after_s": 2}
    assert asynchronous.variables == {"replication": "async", "serve_alone_after_s": 2}
    own = {"variables", "description"}
    assert sync.model_dump(exclude=own) == asynchronous.model_dump(exclude=own)


def test_the_shipped_vnf_is_the_one_that_is_promised() -> None:
    blueprint = load_blueprint("subscriber-db-sync")
    assert {role: settings.count for role, settings in blueprint.roles.items()} == {"database": 1, "frontend": 2}
    assert set(blueprint.networks) == {"oam", "service"}
    assert blueprint.routers["edge"].external
    assert set(blueprint.security_groups) == {"db", "frontend", "oam"}
    assert blueprint.server_groups["frontends"].policy == "anti-affinity"
    assert [v.label for v in blueprint.roles["database"].volumes] == ["journal"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda b: b["networks"].pop("oam"),
            "names network 'oam', which is not in this blueprint. Known: service.",
        ),
        (
            lambda b: b["roles"]["frontend"]["ports"][1].update(network="servise"),
            "roles.frontend.ports names network 'servise', which is not in this blueprint. "
            "Did you mean 'service'? Known: oam, service.",
        ),
        (lambda b: b["roles"]["database"].update(image="bas"), "names image 'bas'"),
        (lambda b: b["roles"]["database"].update(flavor="huge"), "Known: database, frontend."),
        (lambda b: b["roles"]["frontend"].update(server_group="x"), "names server group 'x'"),
        (lambda b: b["networks"]["oam"].update(router="egde"), "Did you mean 'edge'?"),
        (lambda b: b["security_groups"]["db"][0].update(remote_group="fronted"), "Did you mean 'frontend'?"),
        (lambda b: b["roles"]["database"]["ports"][0].update(security_groups=["oan"]), "Did you mean 'oam'?"),
        (lambda b: b["service"].update(role="frontends"), "Did you mean 'frontend'?"),
        (
            lambda b: b["roles"]["database"]["ports"].pop(0),
            "management is in network 'oam', but role 'database' has no port there. Known: service.",
        ),
        (
            lambda b: b["roles"]["database"]["ports"][0].update(offset=21),
            "database-0 and frontend-1 both have offset 21 in network 'oam'.",
        ),
        (
            lambda b: b["networks"]["service"].update(prefix_length=28),
            "offset 20 of frontend-0 does not fit into network 'service': a /28 has addresses up to 14.",
        ),
        (
            lambda b: b["roles"]["database"]["ports"][0].update(allowed_address_pairs=[300]),
            "networks.oam: offset 300 of an allowed address pair or of a route does not fit: "
            "a /24 has addresses up to 254.",
        ),
        (
            lambda b: b["routers"]["edge"].update(
                routes=[{"destination": "198.51.100.0/24", "network": "oam", "offset": 255}]
            ),
            "networks.oam: offset 255 of an allowed address pair or of a route does not fit",
        ),
        (
            lambda b: b["roles"]["database"]["ports"][0].update(allowed_address_pairs=list(range(2, 255))),
            "networks.oam: all 254 addresses of a /24 are spoken for, and the cloud's own ports, of DHCP and the like, "
            "need one: make its prefix_length shorter.",
        ),
        (
            lambda b: b["roles"]["frontend"]["ports"].append({"network": "oam", "offset": 60}),
            "roles.frontend has two ports in network 'oam'",
        ),
        (lambda b: b["images"]["base"].update(existing="debian"), "seen: generated_mib, existing."),
        (lambda b: b["images"].update(base={}), "exactly one of generated_mib, file and existing; seen: none."),
        (lambda b: b["security_groups"]["db"][0].update(protocol=None), "port 5432 needs protocol tcp or udp"),
        (lambda b: b["security_groups"]["oam"][0].update(port_max=21), "port_max 21 needs a port that is not above it"),
        (
            lambda b: b["security_groups"]["db"][0].update(remote_prefix="10.0.0.0/8"),
            "a rule has remote_group or remote_prefix, not both",
        ),
        (
            lambda b: b["networks"]["oam"].update(
                host_routes=[{"destination": "198.51.100.0/24", "network": "service", "offset": 9}]
            ),
            "networks.oam.host_routes names network 'service'",
        ),
        (lambda b: b["roles"].update({"Data Base": b["roles"]["database"]}), "Data Base"),
        (lambda b: b.update(netwroks={}), "field 'netwroks' is not known here. Did you mean 'networks'?"),
        (lambda b: b["roles"]["frontend"].update(user_data="gone.j2"), "roles.frontend.user_data should be a file"),
        (lambda b: b["images"].update(base={"file": "debian.qcow2"}), "images.base.file should be a file"),
        (lambda b: b["roles"]["frontend"]["ports"][0].update(offset=1), "roles.frontend.ports.0.offset"),
    ],
)
def test_what_does_not_fit_together_is_told_where_it_is(tmp_path: Path, change: Any, sentence: str) -> None:
    path = changed(tmp_path, change)
    with pytest.raises(UsageError) as refused:
        load_blueprint(path)
    assert sentence in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_users_variant_replaces_what_it_names_and_keeps_the_rest(tmp_path: Path) -> None:
    (tmp_path / "debian.qcow2").write_bytes(b"QFI")
    variant = {
        "extends": "subscriber-db-sync",
        "images": {"base": {"file": "debian.qcow2", "disk_format": "qcow2"}},
        "flavors": {"database": {"vcpus": 4, "ram_mib": 4096, "disk_gib": 20}},
        "variables": {"replication": "async", "depth": 3},
    }
    blueprint = load_blueprint(written(tmp_path, variant))
    assert blueprint.name == "mine"
    assert blueprint.images["base"].file == (tmp_path / "debian.qcow2").resolve()
    assert (blueprint.flavors["database"].vcpus, blueprint.flavors["frontend"].vcpus) == (4, 1)
    assert blueprint.variables == {"replication": "async", "depth": 3, "serve_alone_after_s": 2}
    assert blueprint.roles["database"].user_data == SHIPPED.parent / "subscriber-db" / "guest.sh.j2"


def test_a_variant_of_nothing_suggests_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean 'subscriber-db-sync'"):
        load_blueprint(written(tmp_path, {"extends": "subscriber-db-synk"}))


def test_a_variant_of_a_variant_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="which is itself a variant; extend a whole one"):
        load_blueprint(written(tmp_path, {"extends": "subscriber-db-async"}))


def test_a_variant_cannot_change_what_makes_the_vnf_the_same(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="field 'networks' is not known here"):
        load_blueprint(written(tmp_path, {"extends": "subscriber-db-sync", "networks": {}}))

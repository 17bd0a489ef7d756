"""Schemes are found by name among entry points."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import cast

import pytest
import sites_files as files

from conformance.errors import HarnessError, UsageError
from conformance.model import Event
from conformance.schemes import make_scheme, registry, scheme_names
from conformance.sites import load_sites
from conformance.vnf import Deployment, Endpoint


def test_our_own_schemes_are_registered() -> None:
    assert {"reference", "no-op"} <= set(scheme_names())
    assert make_scheme("reference", on_event=lambda event: None).name == "reference"


def test_a_mistyped_scheme_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="There is no scheme named 'referense'. Did you mean 'reference'?"):
        make_scheme("referense", on_event=lambda event: None)


def test_a_scheme_that_cannot_be_loaded_names_where_it_should_be(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = EntryPoints([EntryPoint("vendor", "vendor_scheme:Scheme", registry.GROUP)])
    monkeypatch.setattr(registry, "entry_points", lambda group: broken)
    with pytest.raises(HarnessError, match=r"'vendor'.*vendor_scheme:Scheme, which cannot be loaded: No module named"):
        make_scheme("vendor", on_event=lambda event: None)


def test_the_no_op_scheme_protects_nothing_and_its_operations_are_in_the_record(tmp_path: Path) -> None:
    events: list[Event] = []
    scheme = make_scheme("no-op", on_event=events.append)
    first, second = load_sites(files.write(tmp_path)).sites
    results = [
        scheme.protect(cast(Deployment, None), first, second, Endpoint("127.0.0.1", 1)),
        scheme.failover(first, second),
        scheme.migrate(first, second),
        scheme.failback(first, second, Endpoint("127.0.0.1", 1)),
        scheme.replication(False),
    ]
    assert [result.ok for result in results] == [False] * 5
    assert not scheme.status().protected
    done = [(e.name, e.state) for e in events if e.state == "end"]
    assert done == [(operation, "end") for operation in ("protect", "failover", "migrate", "failback", "replication")]

"""Clouds that are made from nothing, not from what earlier ones left in the cache."""

from __future__ import annotations

from pathlib import Path

import openstack
import pytest
from empty_labs import empty_lab

from conformance.lab import environment, startup
from conformance.lab import lab as lab_module
from conformance.paths import cache_dir

pytestmark = pytest.mark.lab


def test_a_cloud_whose_password_begins_like_an_option_comes_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    startup.ensure_environment(print)
    packages = environment.path(cache_dir())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache_dir().mkdir(parents=True)
    environment.path(cache_dir()).symlink_to(packages)
    monkeypatch.setattr(lab_module, "new_password", lambda: "--for_each-cloud")
    with empty_lab("lab-seeding", ("alone-a", "alone-b"), mode="loopback") as lab:
        lab.up()
        config = openstack.config.OpenStackConfig(config_files=[str(lab.clouds_yaml)])
        for cloud in lab.clouds().values():
            connection = openstack.connection.Connection(config=config.get_one(cloud))
            assert [flavor.name for flavor in connection.compute.flavors()] == ["lab.tiny"]

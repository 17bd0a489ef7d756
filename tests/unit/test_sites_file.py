"""What is wrong with a sites file, or its clouds.yaml, is told in a sentence before anything is contacted."""

from pathlib import Path
from typing import Any

import pytest
import sites_files as files

from conformance.errors import UsageError
from conformance.resources import fixtures_dir
from conformance.sites import load_sites


def test_sites_keep_the_order_and_the_pools_they_are_written_with(tmp_path: Path) -> None:
    sites = load_sites(files.write(tmp_path))
    assert [s.name for s in sites.sites] == ["site-a", "site-b"]
    assert sites.tenant_pools() == {"site-a": "127.1.0.0/17", "site-b": "127.2.0.0/17"}
    assert sites.site("site-b").auth_url == "http://127.0.0.1:1/v3"
    assert sites.link.toxiproxy is None


def test_a_mistyped_site_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no site 'site-x' in .*sites.yaml. Did you mean 'site-"):
        load_sites(files.write(tmp_path)).site("site-x")


@pytest.mark.parametrize(
    ("sites", "sentence"),
    [
        ({"a": files.site(1)}, "at least 2"),
        ({"a": files.site(1), "b": files.site(2, cloud="cloud-1")}, "sites 'a' and 'b' both use cloud 'cloud-1'"),
        (
            {"a": files.site(1), "b": files.site(2, tenant_pool="127.1.64.0/18")},
            "tenant_pool 127.1.0.0/17 of 'a' overlaps 127.1.64.0/18 of 'b'",
        ),
        (
            {"a": files.site(1, link_address="127.1.0.9"), "b": files.site(2)},
            "link_address 127.1.0.9 of 'a' lies in its tenant_pool",
        ),
        ({"a": files.site(1, tenant_pol="x"), "b": files.site(2)}, "Did you mean 'tenant_pool'?"),
        ({"a": files.site(1, tenant_pool="127.1.0.1/17"), "b": files.site(2)}, "'127.1.0.1/17'"),
        ({"a": files.site(1, allow_faults=["site-los"]), "b": files.site(2)}, "seen: 'site-los'"),
        ({"a": files.site(1, power={"driver": "ipmi"}), "b": files.site(2)}, "'ipmi'"),
        ({"a": files.site(1, power={"driver": "lab", "labb": "x"}), "b": files.site(2)}, "Did you mean 'lab'?"),
    ],
)
def test_a_sites_file_that_makes_no_sense_is_refused(tmp_path: Path, sites: Any, sentence: str) -> None:
    path = files.write(tmp_path, sites)
    with pytest.raises(UsageError) as refused:
        load_sites(path)
    assert str(path) in str(refused.value)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("clouds_yaml", "sentence"),
    [
        ("clouds:\n  a: [1,\n", "clouds.yaml is not valid YAML at line"),
        ("- a\n- b\n", "clouds.yaml should hold a mapping of fields; it holds list"),
        ("", "clouds.yaml should hold a mapping of fields; it holds NoneType"),
        ("cloud:\n  a: {}\n", "should hold a mapping 'clouds' with one entry per cloud; it holds 'cloud'"),
        ("clouds:\n  cloud-1: nonsense\n", "entry 'cloud-1' should be a mapping with 'auth' in it; it is 'nonsense'"),
        (files.clouds(**{"cloud-1": files.entry(), "clout-2": files.entry()}), "Did you mean 'clout-2'?"),
        (files.clouds(**{"cloud-1": {}, "cloud-2": files.entry()}), "uses cloud 'cloud-1'"),
        (files.clouds(**{"cloud-1": {"auth": "me"}, "cloud-2": files.entry()}), "uses cloud 'cloud-1'"),
        (
            files.clouds(**{"cloud-1": files.entry() | {"auth_type": "v3passwort"}, "cloud-2": files.entry()}),
            "uses cloud 'cloud-1'",
        ),
    ],
)
def test_a_clouds_yaml_that_cannot_be_used_is_refused(tmp_path: Path, clouds_yaml: Any, sentence: str) -> None:
    path = files.write(tmp_path, clouds_yaml=clouds_yaml)
    with pytest.raises(UsageError) as refused:
        load_sites(path)
    assert sentence in str(refused.value)
    assert str(tmp_path) in str(refused.value)


def test_a_missing_clouds_yaml_is_named(tmp_path: Path) -> None:
    path = files.write(tmp_path)
    (tmp_path / "clouds.yaml").unlink()
    with pytest.raises(UsageError, match=r"Expected the clouds file .*clouds.yaml, which is not there"):
        load_sites(path)


def test_a_broken_clouds_yaml_that_openstacksdk_finds_by_itself_is_named_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = files.write(tmp_path, clouds_yaml="clouds: [", named=False)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    with pytest.raises(UsageError, match="not valid YAML"):
        load_sites(path)


def test_without_clouds_yaml_the_clouds_are_those_openstacksdk_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = files.write(tmp_path, named=False)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "clouds.yaml"))
    assert load_sites(path).site("site-a").auth_url == "http://127.0.0.1:1/v3"


def test_the_example_that_users_copy_is_well_formed(tmp_path: Path) -> None:
    text = (fixtures_dir() / "sites" / "two-clouds.yaml").read_text()
    (tmp_path / "two-clouds.yaml").write_text(text)
    both = files.clouds(**{"vendor-east": files.entry(), "vendor-west": files.entry()})
    files.write(tmp_path, clouds_yaml=both)
    sites = load_sites(tmp_path / "two-clouds.yaml")
    assert [s.spec.cloud for s in sites.sites] == ["vendor-east", "vendor-west"]

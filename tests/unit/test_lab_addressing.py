"""Addresses of the lab."""

from __future__ import annotations

import ipaddress
import itertools

import pytest

from conformance.lab.addressing import SITES_PER_SLOT, SLOTS, SiteAddresses, site_addresses


def test_the_first_lab_has_the_addresses_the_documentation_promises() -> None:
    first, second = site_addresses(0, 0), site_addresses(0, 1)
    assert (first.api, first.link, first.tenant_pool) == ("127.11.255.1", "127.11.254.1", "127.11.0.0/17")
    assert second.url("keystone") == "http://127.12.255.1:5000"


def test_no_two_sites_of_any_labs_share_an_octet_and_all_are_valid() -> None:
    octets = [site_addresses(slot, site).octet for slot in range(SLOTS) for site in range(SITES_PER_SLOT)]
    assert len(set(octets)) == len(octets)
    assert min(octets) > 0 and max(octets) < 255


def test_pools_and_service_addresses_of_a_site_do_not_overlap() -> None:
    addresses = SiteAddresses(11)
    ranges = [ipaddress.ip_network(text) for text in (addresses.tenant_pool, addresses.external)]
    ranges += [ipaddress.ip_network(text) for text in (addresses.api, addresses.link)]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(ranges, 2))


@pytest.mark.parametrize(("slot", "site"), [(-1, 0), (SLOTS, 0), (0, SITES_PER_SLOT)])
def test_a_slot_or_site_that_does_not_exist_is_refused(slot: int, site: int) -> None:
    with pytest.raises(ValueError, match="slots"):
        site_addresses(slot, site)

"""Storage is filled until Cinder refuses, by its answers and not by its figures, and nothing of anybody's is deleted.

The cloud here is made up: real ones reckon right, have no other pools, and do not run into quotas. On a real one:
tests/lab/test_lab_site_faults.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sites_files as files
from openstack.exceptions import HttpException, NotFoundException

from conformance.errors import HarnessError, UsageError
from conformance.faults.storage_full import StorageFull
from conformance.sites import Site, SiteError, ask_for_volume, driver_of
from conformance.sites.ballast import BALLAST_KEY, NO_ROOM, Ballast, room_of

TOLD = {"total_capacity_gb": 100, "free_capacity_gb": 100, "volume_backend_name": "lab"}


def refusal(text: str, status: int) -> HttpException:
    error = HttpException(text)
    error.status_code = status
    return error


class Cinder:
    """Pools with room for so many GiB; each volume goes into the first that can take it, as with a scheduler."""

    def __init__(self, *room: int, told: dict[str, Any] | None = None, quota: int = 1000, why: str = NO_ROOM) -> None:
        self.room = list(room)
        self.told = [{**TOLD, "total_capacity_gb": gib, "free_capacity_gb": gib} | (told or {}) for gib in room]
        self.quota = quota
        self.why = why
        self.held: dict[str, Any] = {"theirs": SimpleNamespace(id="theirs", size=1, metadata={}, pool=None)}
        self.busy = 0
        self._ids = map(str, count())

    def backend_pools(self) -> list[Any]:
        return [SimpleNamespace(name=f"pool-{n}", capabilities=told) for n, told in enumerate(self.told)]

    def create_volume(self, size: int, metadata: dict[str, str], **_: Any) -> Any:
        if sum(v.size for v in self.held.values()) + size > self.quota:
            raise refusal("VolumeSizeExceedsAvailableQuota", 413)
        pool = next((n for n, left in enumerate(self.room) if left >= size), None)
        if pool is not None:
            self.room[pool] -= size
        made = SimpleNamespace(
            id=next(self._ids), size=size, metadata=metadata, pool=pool, status="error" if pool is None else "available"
        )
        self.held[made.id] = made
        return made

    def get_volume(self, volume_id: str) -> Any:
        return self.held[volume_id]

    def get(self, path: str, params: dict[str, str], **_: Any) -> Any:
        assert path == "/messages"
        said = {"resource_uuid": params["resource_uuid"], "user_message": f"schedule allocate volume:{self.why}."}
        others = {"resource_uuid": "theirs", "user_message": NO_ROOM}
        return SimpleNamespace(status_code=200, json=lambda: {"messages": [said, others]})

    def delete_volume(self, volume: Any) -> None:
        if self.busy:
            self.busy -= 1
            raise refusal("Invalid volume: it is creating", 400)
        if self.held.pop(volume.id, None) is None:
            raise NotFoundException
        if volume.pool is not None:
            self.room[volume.pool] += volume.size

    def wait_for_delete(self, volume: Any, **_: Any) -> None:
        assert volume.id not in self.held

    def volumes(self) -> list[Any]:
        return list(self.held.values())


def site_of(cinder: Cinder) -> Site:
    @contextmanager
    def asking(_what: str) -> Iterator[Any]:
        try:
            yield SimpleNamespace(block_storage=cinder)
        except HttpException as error:
            raise SiteError(str(error), error.status_code) from error

    spec = SimpleNamespace(volume_type=None, availability_zone=None)
    return cast(Site, SimpleNamespace(name="site-a", asking=asking, spec=spec))


@pytest.mark.parametrize("room", [(100,), (100, 30), (7, 9, 64), (1,), (0,)])
def test_every_pool_is_filled_to_the_last_gib_and_emptied_again(room: tuple[int, ...]) -> None:
    cinder = Cinder(*room)
    site = site_of(cinder)
    assert f"Took {sum(room)} GiB" in Ballast(site).inject("")
    assert cinder.room == [0] * len(room)
    assert not ask_for_volume(site).ok
    Ballast(site).heal("")
    Ballast(site).heal("")
    assert (cinder.room, list(cinder.held)) == (list(room), ["theirs"])


@pytest.mark.parametrize("believed", [{"free_capacity_gb": 3}, {"free_capacity_gb": 4000}, {"free_capacity_gb": 0}])
def test_answers_count_where_the_figures_are_wrong(believed: dict[str, Any]) -> None:
    cinder = Cinder(100, told=believed, quota=5000)
    Ballast(site_of(cinder)).inject("")
    assert cinder.room == [0]


@pytest.mark.parametrize("room", [0, 1, 100, 4097])
def test_who_may_not_know_the_figures_fills_storage_by_its_answers(room: int, monkeypatch: pytest.MonkeyPatch) -> None:
    cinder = Cinder(room, quota=9000)

    def forbidden() -> list[Any]:
        raise refusal("Policy doesn't allow it", 403)

    monkeypatch.setattr(cinder, "backend_pools", forbidden)
    Ballast(site_of(cinder)).inject("")
    assert cinder.room == [0]


def test_a_quota_that_refuses_says_nothing_of_the_room_and_is_an_error() -> None:
    cinder = Cinder(100, quota=50)
    with pytest.raises(SiteError, match="A quota refuses it, so whether there is room was not shown"):
        Ballast(site_of(cinder)).inject("")
    assert list(cinder.held) == ["theirs"]


def test_storage_that_never_ends_is_given_up_on() -> None:
    with pytest.raises(SiteError, match="64 volumes of .* should have left no room, but Cinder grants more"):
        Ballast(site_of(Cinder(1 << 70, told={"free_capacity_gb": 1}, quota=1 << 80))).inject("")


def test_ballast_that_cannot_be_deleted_yet_is_deleted_later() -> None:
    cinder = Cinder(100)
    Ballast(site_of(cinder)).inject("")
    cinder.busy = 2
    Ballast(site_of(cinder)).heal("")
    assert list(cinder.held) == ["theirs"] and cinder.room == [100]


@pytest.mark.parametrize(
    ("told", "room"),
    [
        ({"total_capacity_gb": 100, "free_capacity_gb": 40, "reserved_percentage": 10}, 30),
        ({"total_capacity_gb": 100, "thin_provisioning_support": True, "provisioned_capacity_gb": 30}, 70),
        (
            {"total_capacity_gb": 100, "thin_provisioning_support": True, "allocated_capacity_gb": 30,
             "max_over_subscription_ratio": "2.0", "reserved_percentage": 50},
            70,
        ),
        ({"total_capacity_gb": 9, "thin_provisioning_support": True, "max_over_subscription_ratio": "auto"}, 9),
    ],
)  # fmt: skip
def test_room_is_reckoned_as_cinders_scheduler_does(told: dict[str, Any], room: int) -> None:
    assert room_of("site-a", "pool", told) == room


@pytest.mark.parametrize("endless", ["infinite", "unknown"])
def test_storage_without_an_end_is_said_to_have_none(endless: str) -> None:
    with pytest.raises(SiteError, match=f"pool pool has {endless} capacity: Cinder never finds it full"):
        room_of("site-a", "pool", {"total_capacity_gb": endless, "free_capacity_gb": endless})


def fault_at(folder: Path, cinder: Cinder) -> StorageFull:
    known = files.a_site(folder, allow_faults=["storage-full"], faults={"storage-full": {"driver": "ballast"}})
    fault = StorageFull(known, folder / "sites.yaml")
    fault.site = site_of(cinder)
    fault.driver = Ballast(fault.site)
    return fault


def test_only_a_refusal_for_lack_of_room_is_the_fault(tmp_path: Path) -> None:
    room = fault_at(tmp_path, Cinder(1)).verify()
    assert not room.ok and "was granted" in room.detail
    assert fault_at(tmp_path, Cinder(0)).verify().ok
    other = fault_at(tmp_path, Cinder(0, why="Timeout")).verify()
    assert not other.ok and "Timeout" in other.detail
    with pytest.raises(HarnessError, match="A quota refuses it"):
        fault_at(tmp_path, Cinder(1, quota=0)).verify()


def test_ballast_makes_no_other_fault(tmp_path: Path) -> None:
    site = files.a_site(tmp_path, allow_faults=["storage-slow"], faults={"storage-slow": {"driver": "ballast"}})
    with pytest.raises(UsageError, match="Ballast fills storage, it cannot make the fault storage-slow"):
        driver_of(site, "storage-slow")


def test_what_is_made_can_be_told_from_what_is_not() -> None:
    cinder = Cinder(5)
    Ballast(site_of(cinder)).inject("")
    assert [BALLAST_KEY in v.metadata for v in cinder.volumes()] == [False, True]

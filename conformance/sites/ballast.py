"""Block storage without room, by the Cinder API alone: volumes that hold nothing take all that its scheduler grants."""

from __future__ import annotations

from typing import Any

from openstack.connection import Connection
from openstack.exceptions import NotFoundException, SDKException

from conformance.model import Observation
from conformance.sites.site import Site, SiteError
from conformance.waiting import NotReached, wait_until

BALLAST_KEY = "multisite-ha:ballast"
"""Key in the metadata of every volume made here, by which it is found and deleted, by another run if need be."""
NO_ROOM = "Could not find any available weighted backend"
"""What Cinder tells the owner of a volume for which its scheduler found no room, or no backend at all."""
_NAME = "msha-ballast"
_FORBIDDEN, _OVER_QUOTA = 403, 413
_MOST_VOLUMES = 64
_SETTLED_WITHIN_S = 60.0
_GONE_WITHIN_S = 120.0
_MESSAGES_SINCE = "3.5"


class Ballast:
    """Takes what room the site's Cinder has for volumes of the site's type, and gives it back.

    Nothing is written, so thin storage holds no more than before; what is used up is what may be promised.
    """

    def __init__(self, site: Site) -> None:
        self._site = site

    def inject(self, _part: str) -> str:
        """Create volumes until Cinder has not even 1 GiB left. SiteError when it never says so or a quota does."""
        rooms = [room for room in self._rooms() if room > 0]
        left = sum(rooms)
        size = max(rooms, default=1)
        taken: list[int] = []
        while len(taken) < _MOST_VOLUMES:
            if ask_for_volume(self._site, size, keep=True).ok:
                taken.append(size)
                # Where Cinder reckons otherwise, there is more than its figures say.
                left, size = left - size, max(1, min(size, left - size)) if left > 0 else 2 * size
            elif size == 1:
                return f"Took {sum(taken)} GiB of {self._site.name} in {len(taken)} volumes."
            else:
                size //= 2
        raise SiteError(
            f"Site {self._site.name}: {len(taken)} volumes of together {sum(taken)} GiB should have left no room, but "
            "Cinder grants more."
        )

    def heal(self, _part: str) -> str:
        """Delete every volume that was made for it, by whichever run. SiteError names those that would not go."""
        left: list[str] = []

        def delete() -> bool:
            with self._site.asking("delete the ballast") as cloud:
                left[:] = [_delete(cloud, volume) for volume in _ballast(cloud)]
            return not left

        try:
            wait_until(delete, timeout=_GONE_WITHIN_S, what="the ballast to be gone", interval=0.1)
        except NotReached:
            raise SiteError(
                f"Site {self._site.name}: the ballast should be gone after {_GONE_WITHIN_S:g} s, but there is still: "
                f"{'; '.join(left)}. Delete these volumes by hand."
            ) from None
        return f"Deleted the ballast of {self._site.name}."

    def in_force(self, _part: str) -> None:
        """Whether there is room only Cinder knows: the harness asks it for a volume."""
        return

    def _rooms(self) -> list[int]:
        """How many GiB each pool has left by Cinder's own reckoning, which often only administrators are told; where
        that is wrong, or not told, its answers count."""
        kind = self._site.spec.volume_type
        try:
            with self._site.asking("learn how much room its storage has") as cloud:
                storage: Any = cloud.block_storage
                wanted = storage.find_type(kind, ignore_missing=False).extra_specs if kind else None
                pools = {pool.name: dict(pool.capabilities or {}) for pool in storage.backend_pools()}
        except SiteError as error:
            if error.status == _FORBIDDEN:
                return []
            raise
        backend = (wanted or {}).get("volume_backend_name")
        return [
            room_of(self._site.name, name, told)
            for name, told in pools.items()
            if backend in (None, told.get("volume_backend_name"))
        ]


def room_of(site: str, pool: str, told: dict[str, Any]) -> int:
    """GiB that a pool may still promise, from what it reports. SiteError when that has no end.

    Of a ratio that Cinder reckons out by itself (``auto``) only the least is known."""
    total, free = told.get("total_capacity_gb") or 0, told.get("free_capacity_gb") or 0
    if endless := {total, free} & {"infinite", "unknown"}:
        raise SiteError(
            f"Site {site}: its storage pool {pool} has {endless.pop()} capacity: Cinder never finds it full."
        )
    reserved = float(total) * float(told.get("reserved_percentage") or 0) / 100
    if not told.get("thin_provisioning_support"):
        return int(float(free) - reserved)
    ratio = told.get("max_over_subscription_ratio") or 1
    promised = float(told.get("provisioned_capacity_gb", told.get("allocated_capacity_gb")) or 0)
    return int((float(total) - reserved) * (1 if ratio == "auto" else float(ratio)) - promised)


def ask_for_volume(site: Site, gib: int = 1, *, keep: bool = False) -> Observation:
    """Ask Cinder for a volume of so many GiB, and delete it unless it is to be kept; ok is that it was granted.

    ``observed["no_room"]`` is that Cinder refused it because no backend has room. SiteError when a quota refused it,
    which tells nothing of the room there is, and NotReached when Cinder does not say what became of it.
    """
    try:
        with site.asking(f"create a volume of {gib} GiB") as cloud:
            storage: Any = cloud.block_storage
            volume = storage.create_volume(
                name=_NAME,
                size=gib,
                volume_type=site.spec.volume_type,
                availability_zone=site.spec.availability_zone,
                metadata={BALLAST_KEY: "holds nothing"},
            )
            status = _settled(storage, volume.id)
            granted = status == "available"
            said = "" if granted else _said_of(storage, volume.id)
            if not (granted and keep):
                _delete(cloud, volume)
                storage.wait_for_delete(volume, interval=0.1, wait=int(_SETTLED_WITHIN_S))
    except SiteError as error:
        if error.status == _OVER_QUOTA:
            raise SiteError(
                f"{error} A quota refuses it, so whether there is room was not shown: raise the project's quotas of "
                f"gigabytes and volumes at {site.name} beyond what its storage has.",
                error.status,
            ) from error
        raise
    answer = "granted" if granted else f"not granted: it went to status {status}, and Cinder says {said or 'nothing'!r}"
    detail = f"A volume of {gib} GiB at {site.name} was {answer}."
    return Observation(granted, detail, {"status": status, "said": said, "no_room": NO_ROOM in said})


def _settled(storage: Any, volume_id: str) -> str:
    """What the volume comes to be: available, or an error."""

    def settled() -> str | None:
        status = str(storage.get_volume(volume_id).status)
        return status if status in ("available", "error") else None

    return wait_until(settled, timeout=_SETTLED_WITHIN_S, what=f"volume {volume_id} to be made or refused")


def _said_of(storage: Any, volume_id: str) -> str:
    """What Cinder tells the owner of a volume about its failure."""
    answer = storage.get("/messages", params={"resource_uuid": volume_id}, microversion=_MESSAGES_SINCE)
    if answer.status_code != 200:
        return ""
    told = [one for one in answer.json()["messages"] if one.get("resource_uuid") == volume_id]
    return " ".join(str(one["user_message"]) for one in told)


def _ballast(cloud: Connection) -> list[Any]:
    """Not filtered by the cloud: Cinder's filter on metadata is the operator's to switch off."""
    return [v for v in cloud.block_storage.volumes() if BALLAST_KEY in (v.metadata or {})]


def _delete(cloud: Connection, volume: Any) -> str:
    """Have it deleted, unless Cinder is not ready for that yet; what it is called, and what was answered."""
    try:
        cloud.block_storage.delete_volume(volume)
    except NotFoundException:
        pass
    except SDKException as error:
        return f"{volume.id} ({error})"
    return str(volume.id)

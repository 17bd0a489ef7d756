"""A volume's file found, and a replica's file made a volume, through the Cinder API of its cloud."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from openstack.exceptions import ResourceFailure, ResourceTimeout

from conformance.sites import Site
from conformance.storage.errors import NotApplicable, StorageError

_CONNECTOR = {"host": "storage-replication"}


def volume_file(site: Site, volume_id: str) -> Path:
    """The file behind a volume, as Cinder tells those to whom it is attached.

    Of a volume that is not attached it is learned by attaching it for a moment. NotApplicable where the site's volumes
    are no files; SiteError when the site does not answer as asked.
    """
    with site.asking(f"learn where volume {volume_id} is") as cloud:
        storage: Any = cloud.block_storage  # attachments and managing are of its version 3
        present = [a for a in storage.attachments(details=False) if a.volume_id == volume_id]
        if present:
            found = storage.get_attachment(present[0].id)
        else:
            found = storage.create_attachment(volume_id, connector=_CONNECTOR, mode="ro")
            storage.delete_attachment(found.id)
            storage.wait_for_status(storage.get_volume(volume_id), "available", interval=0.1, wait=30)
    told = found.connection_info or {}
    path = told.get("path")
    if not path or not Path(path).is_file():
        raise NotApplicable(
            f"Site {site.name} attaches volumes as {told.get('driver_volume_type')}, not as files of this machine: "
            "they cannot be replicated by qemu-storage-daemon from here."
        )
    return Path(path)


def adopt(
    site: Site, reference: Mapping[str, str], *, name: str, metadata: Mapping[str, str], timeout: int = 60
) -> Any:
    """Have Cinder of ``site`` manage what its storage holds already (``openstack volume create --remote-source``).

    ``reference`` is what the site's driver knows it by: ``{"source-name": "/path"}`` in the lab. Nobody may have it
    open any more. Returns the volume, available. StorageError when it is refused; SiteError when nobody answers.
    """
    with site.asking(f"adopt the volume {name}") as cloud:
        storage: Any = cloud.block_storage  # attachments and managing are of its version 3
        pools = [pool.name for pool in storage.backend_pools() if _is_of(pool, site.spec.volume_type, storage)]
        if not pools:
            raise StorageError(f"Site {site.name} has no storage pool for volumes of type {site.spec.volume_type}.")
        volume = storage.manage_volume(
            host=pools[0],
            ref=dict(reference),
            name=name,
            volume_type=site.spec.volume_type,
            availability_zone=site.spec.availability_zone,
            metadata=dict(metadata),
        )
        try:
            return storage.wait_for_status(volume, "available", ["error", "error_managing"], interval=0.1, wait=timeout)
        except (ResourceFailure, ResourceTimeout) as error:
            raise StorageError(
                f"Site {site.name} should have adopted {dict(reference)} as the volume {name}; it is "
                f"{storage.get_volume(volume).status} after up to {timeout} s. Its cinder-volume log says why."
            ) from error


def release(site: Site, volume_id: str, timeout: int = 60) -> None:
    """Have Cinder of ``site`` forget a volume without deleting what it holds. SiteError when it does not."""
    with site.asking(f"release volume {volume_id}") as cloud:
        storage: Any = cloud.block_storage
        volume = storage.get_volume(volume_id)
        storage.unmanage_volume(volume)
        storage.wait_for_delete(volume, interval=0.1, wait=timeout)


def _is_of(pool: Any, volume_type: str | None, storage: Any) -> bool:
    """Whether volumes of the type may be in the pool: its backend is the one the type asks for, or it asks for none."""
    if volume_type is None:
        return True
    found = storage.find_type(volume_type, ignore_missing=False)
    wanted = (found.extra_specs or {}).get("volume_backend_name")
    return wanted is None or dict(pool.capabilities or {}).get("volume_backend_name") == wanted

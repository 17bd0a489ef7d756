"""Cinder volume driver: a volume is a sparse file; replication targets are further directories."""

from __future__ import annotations

import contextlib
import errno
import subprocess
from pathlib import Path

from cinder import exception, interface
from cinder.volume import configuration, driver, volume_utils
from oslo_config import cfg

OPTIONS = [cfg.StrOpt("lab_pool_dir", help="Directory of the volumes' files")]
cfg.CONF.register_opts(OPTIONS, group=configuration.SHARED_CONF_GROUP)

# Each GiB is promised once, however little of it is written: the scheduler refuses what is beyond.
CAPACITY_GIB = 10_000


@interface.volumedriver
class FileDriver(driver.VolumeDriver):
    """Volumes, snapshots and clones are sparse files; attaching hands over the file's path."""

    VERSION = "1.0"
    CI_WIKI_NAME = "none"

    def __init__(self, *args, active_backend_id=None, **kwargs):
        super().__init__(*args, active_backend_id=active_backend_id, **kwargs)
        self.configuration.append_config_values(OPTIONS)
        self._primary = Path(self.configuration.lab_pool_dir)
        self._active = active_backend_id or None
        devices = self.configuration.safe_get("replication_device") or []
        self._targets = {device["backend_id"]: Path(device["dir"]) for device in devices}

    @classmethod
    def get_driver_options(cls):
        return OPTIONS

    def do_setup(self, context):
        for pool in self._pools():
            pool.mkdir(parents=True, exist_ok=True)

    def check_for_setup_error(self):
        for pool in self._pools():
            if not pool.is_dir():
                raise exception.VolumeBackendAPIException(data=f"{pool} is not a directory")

    # Files

    def _pools(self):
        return [self._primary, *self._targets.values()]

    def _pool(self):
        return self._targets[self._active] if self._active else self._primary

    def _path(self, thing):
        return self._pool() / thing["name"]

    @staticmethod
    def _grow(path, gib):
        with path.open("ab") as file:
            file.truncate(gib << 30)

    @staticmethod
    def _copy(source, target):
        partial = target.with_suffix(".partial")
        subprocess.run(["cp", "--sparse=always", "--reflink=auto", source, partial], check=True, capture_output=True)
        partial.replace(target)

    def _replicated(self, volume):
        specs = (volume.volume_type.extra_specs or {}) if volume.volume_type else {}
        return bool(self._targets) and specs.get("replication_enabled") == "<is> True"

    def _replication_update(self, volume):
        return {"replication_status": "enabled"} if self._replicated(volume) else {}

    # Volumes

    def create_volume(self, volume):
        self._grow(self._path(volume), volume.size)
        return self._replication_update(volume)

    def delete_volume(self, volume):
        for pool in self._pools():
            (pool / volume["name"]).unlink(missing_ok=True)

    def extend_volume(self, volume, new_size):
        self._grow(self._path(volume), new_size)

    def create_snapshot(self, snapshot):
        self._copy(self._path(snapshot.volume), self._path(snapshot))

    def delete_snapshot(self, snapshot):
        self._path(snapshot).unlink(missing_ok=True)

    def create_volume_from_snapshot(self, volume, snapshot):
        return self._create_from(volume, snapshot)

    def create_cloned_volume(self, volume, src_vref):
        return self._create_from(volume, src_vref)

    def _create_from(self, volume, source):
        self._copy(self._path(source), self._path(volume))
        self._grow(self._path(volume), volume.size)
        return self._replication_update(volume)

    def revert_to_snapshot(self, context, volume, snapshot):
        self._copy(self._path(snapshot), self._path(volume))

    def copy_image_to_volume(self, context, volume, image_service, image_id, disable_sparse=False):
        with self._path(volume).open("r+b") as file:
            image_service.download(context, image_id, file)
        self._grow(self._path(volume), volume.size)

    def copy_volume_to_image(self, context, volume, image_service, image_meta):
        volume_utils.upload_volume(
            context, image_service, image_meta, str(self._path(volume)), volume, run_as_root=False
        )

    # Attaching: the guest is a process of this machine, so the path is all it needs

    def ensure_export(self, context, volume):
        pass

    def create_export(self, context, volume, connector):
        pass

    def remove_export(self, context, volume):
        pass

    def initialize_connection(self, volume, connector):
        return {
            "driver_volume_type": "labcloud_file",
            "data": {"path": str(self._path(volume)), "volume_id": volume.id},
        }

    def terminate_connection(self, volume, connector, **kwargs):
        pass

    # Adopting a file, for example a replica that another cloud's storage made

    def manage_existing(self, volume, existing_ref):
        source, target = self._existing(existing_ref), self._path(volume)
        try:
            source.rename(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._copy(source, target)
            source.unlink()
        self._grow(target, self._whole_gib(target))  # cinder has not set the volume's size yet
        # Cinder notes no service of a volume that it adopts, and Nova cannot lock "shared" targets of an unknown one.
        return {"shared_targets": False, **self._replication_update(volume)}

    def manage_existing_get_size(self, volume, existing_ref):
        return self._whole_gib(self._existing(existing_ref))

    @staticmethod
    def _whole_gib(path):
        return max(1, -(-path.stat().st_size >> 30))

    def _existing(self, existing_ref):
        """The file that is to become a volume: its own file, nobody else's volume."""

        def refuse(reason):
            raise exception.ManageExistingInvalidReference(existing_ref=existing_ref, reason=reason)

        if "source-name" not in existing_ref:
            refuse("source-name is missing: the absolute path of a file in raw format")
        path = Path(existing_ref["source-name"])
        if not path.is_absolute() or path.is_symlink() or not path.is_file():
            refuse("source-name should be the absolute path of a regular file")
        identifier = volume_utils.extract_id_from_volume_name(path.name)
        if path.parent in self._pools() and volume_utils.check_already_managed_volume(identifier):
            raise exception.ManageExistingAlreadyManaged(volume_ref=identifier)
        return path

    def unmanage(self, volume):
        """The file stays where it is, under the volume's name."""

    def _promised_gib(self):
        """What the files of the pool may grow to: volumes, snapshots, and what Cinder was told to forget."""
        sizes = []
        for file in self._pool().iterdir():
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                sizes.append(file.stat().st_size)
        return -(-sum(sizes) >> 30)

    def _update_volume_stats(self):
        promised = self._promised_gib()
        self._stats = {
            "volume_backend_name": self.configuration.volume_backend_name,
            "vendor_name": "lab",
            "driver_version": self.VERSION,
            "storage_protocol": "file",
            "total_capacity_gb": CAPACITY_GIB,
            "free_capacity_gb": max(0, CAPACITY_GIB - promised),
            "provisioned_capacity_gb": promised,
            "reserved_percentage": 0,
            "max_over_subscription_ratio": "1.0",
            "thin_provisioning_support": True,
            "multiattach": True,
            "QoS_support": False,
            "replication_enabled": bool(self._targets),
            "replication_targets": list(self._targets),
            "replication_type": ["async"],
        }

    # Replication v2.1, inside one Cinder: the copying itself is somebody else's (a block mirror)

    def failover_host(self, context, volumes, secondary_id=None, groups=None):
        if secondary_id == "default":
            self._active, status = None, "enabled"
        else:
            target = secondary_id or next(iter(self._targets), None)
            if target not in self._targets:
                raise exception.InvalidReplicationTarget(reason=f"there is no replication target {target!r}")
            self._active, status = target, "failed-over"
        return self._active or "", [self._failover_update(volume, status) for volume in volumes], []

    def _failover_update(self, volume, status):
        if not self._replicated(volume):
            return {"volume_id": volume.id, "updates": {"status": "error"}}
        present = self._path(volume).exists()
        return {"volume_id": volume.id, "updates": {"replication_status": status if present else "error"}}

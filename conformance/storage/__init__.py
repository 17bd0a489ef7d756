"""Volumes: their images, their replication between sites by the storage itself, and their adoption by another cloud."""

from conformance.storage.adoption import adopt, release, volume_file
from conformance.storage.daemon import program
from conformance.storage.errors import NotApplicable, StorageError
from conformance.storage.fuse import unmount
from conformance.storage.imaging import read_image
from conformance.storage.replication import Mode, Replica, ReplicationStatus, StorageReplication, StorageVolume
from conformance.storage.writer import BlockWriter

__all__ = [
    "BlockWriter",
    "Mode",
    "NotApplicable",
    "Replica",
    "ReplicationStatus",
    "StorageError",
    "StorageReplication",
    "StorageVolume",
    "adopt",
    "program",
    "read_image",
    "release",
    "unmount",
    "volume_file",
]

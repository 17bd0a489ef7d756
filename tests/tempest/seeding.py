"""What tempest needs to find in a cloud, made through openstacksdk, and the configuration that tells tempest of it."""

from __future__ import annotations

import functools
import http.server
import string
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from openstack.connection import Connection

TEMPLATE = Path(__file__).with_name("tempest.conf")
IMAGE_BYTES = 1 << 16
CLUSTER_BITS = 16
QCOW2_NAME = "empty.qcow2"
WEB_PORT = 8080  # glance's web-download takes images from here


@dataclass(frozen=True)
class Seed:
    """Ids of what was made (images, flavors) or found (the external network); ``extensions`` are Neutron's aliases."""

    image: str
    image_alt: str
    flavor: str
    flavor_alt: str
    external_network: str
    extensions: tuple[str, ...]


def seed(cloud: Connection, image_file: Path) -> Seed:
    """Make two images and two flavors, unless they are there; ``image_file`` is written and uploaded."""
    image_file.write_bytes(b"tempest".ljust(IMAGE_BYTES, b"\0"))
    images = [_image(cloud, name, image_file) for name in ("tempest", "tempest-alt")]
    # the second flavor is larger in every respect: tempest resizes from one to the other
    flavors = [_flavor(cloud, size) for size in (1, 2)]
    external = cloud.network.find_network("public", ignore_missing=False)
    extensions = tuple(sorted(extension.alias for extension in cloud.network.extensions()))
    return Seed(*images, *flavors, external.id, extensions)


def _image(cloud: Connection, name: str, file: Path) -> str:
    known = cloud.image.find_image(name)
    if known is None:
        known = cloud.create_image(
            name,
            filename=str(file),
            disk_format="raw",
            container_format="bare",
            wait=True,
            visibility="public",
        )
    return str(known.id)


def _flavor(cloud: Connection, size: int) -> str:
    name = f"tempest.{size}"
    known = cloud.compute.find_flavor(name)
    if known is None:
        known = cloud.compute.create_flavor(name=name, ram=64 * size, vcpus=size, disk=size)
    return str(known.id)


def empty_qcow2() -> bytes:
    """An empty qcow2 image of one cluster: header, refcount table, refcount block and L1 table, one cluster each."""
    cluster = 1 << CLUSTER_BITS
    # magic, version, backing file (offset, length), cluster bits, size, encryption, L1 (entries, offset),
    # refcount table (offset, clusters), snapshots (number, offset)
    header = struct.pack(
        ">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 0, 0, CLUSTER_BITS, cluster, 0, 1, 3 * cluster, cluster, 1, 0, 0
    )
    clusters = (header, struct.pack(">Q", 2 * cluster), struct.pack(">4H", 1, 1, 1, 1), b"")
    return b"".join(content.ljust(cluster, b"\0") for content in clusters)


def configure(cloud: Connection, seeded: Seed, web: str, image_file: Path, workspace: Path) -> None:
    """Write ``tempest.conf`` into the workspace (it holds the administrator's password)."""
    auth = cloud.config.config["auth"]
    text = string.Template(TEMPLATE.read_text()).substitute(
        workspace=workspace,
        auth_url=auth["auth_url"],
        username=auth["username"],
        password=auth["password"],
        project=auth["project_name"],
        region=cloud.config.region_name,
        image=seeded.image,
        image_alt=seeded.image_alt,
        flavor=seeded.flavor,
        flavor_alt=seeded.flavor_alt,
        external_network=seeded.external_network,
        extensions=",".join(seeded.extensions),
        http_image=f"{web}/{image_file.name}",
        http_qcow2_image=f"{web}/{QCOW2_NAME}",
        image_file=image_file,
    )
    path = workspace / "tempest.conf"
    path.touch(mode=0o600)
    path.write_text(text)


@contextmanager
def image_server(address: str, image_file: Path) -> Iterator[str]:
    """Serve the image and a qcow2 one beside it over HTTP while the block runs; gives the directory's URL."""
    (image_file.parent / QCOW2_NAME).write_bytes(empty_qcow2())
    handler = functools.partial(_Quiet, directory=str(image_file.parent))
    with http.server.ThreadingHTTPServer((address, WEB_PORT), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://{address}:{WEB_PORT}"
        finally:
            server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Requests are not worth a line."""

"""Images: made, uploaded or found at the first site, and carried over to the second."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from conformance.errors import UsageError
from conformance.sites import Site, SiteError, owned
from conformance.vnf.blueprint import ImageSettings
from conformance.vnf.build import Build

_MIB = 1024 * 1024


@dataclass(frozen=True)
class BuiltImage:
    """An image at a site; ``digest`` is ``algorithm:hex`` as Glance states it, or None where it states
    none."""

    id: str
    digest: str | None


def build_images(build: Build) -> dict[str, BuiltImage]:
    """The blueprint's images at this site, by label. What an earlier step has already brought here is
    kept."""
    with build.site.asking("list the run's images") as cloud:
        here = {image.name: image for image in owned.images(cloud, build.run_id)}
    return {
        label: _built(here[build.name(label)]) if build.name(label) in here else _build_image(build, label, settings)
        for label, settings in build.blueprint.images.items()
    }


def _build_image(build: Build, label: str, settings: ImageSettings) -> BuiltImage:
    if settings.existing is not None:
        with build.site.asking(f"look for image {settings.existing!r}") as cloud:
            image = cloud.image.find_image(settings.existing)
        if image is None:
            raise UsageError(
                f"Image {label!r} of blueprint {build.blueprint.name} should be at {build.site.name} under "
                "the name "
                f"{settings.existing!r}, and is not. Upload it, or name another one."
            )
        return _built(image)
    source: dict[str, Any]
    if settings.file is not None:
        source = {"filename": str(settings.file)}
    else:
        # Never the same twice: that it is at the second site then shows that it was replicated in this very
        # run.
        source = {"data": random.Random(build.name(label)).randbytes((settings.generated_mib or 1) * _MIB)}
    return _upload(build.site, build.name(label), build.tag, settings.disk_format, source)


def replicate_images(images: Mapping[str, BuiltImage], first: Site, there: Build) -> int:
    """Carry images from the first site's Glance to the one of ``there``, and see that they are the same
    afterwards.

    Returns how many bytes were carried. SiteError when a digest differs.
    """
    carried = 0
    for label, image in images.items():
        with tempfile.TemporaryFile() as file:
            with first.asking(f"download image {label}") as cloud:
                disk_format = cloud.image.get_image(image.id).disk_format
                cloud.image.download_image(image.id, output=file)
            carried += file.tell()
            file.seek(0)
            copy = _upload(there.site, there.name(label), there.tag, disk_format, {"data": file})
        if copy.digest != image.digest:
            raise SiteError(
                f"Image {label} was carried from {first.name} to {there.site.name} and should be the same "
                "there: "
                f"its digest is {image.digest} at the first and {copy.digest} at the second."
            )
    return carried


def _upload(site: Site, name: str, tag: str, disk_format: str, source: dict[str, Any]) -> BuiltImage:
    with site.asking(f"upload image {name}") as cloud:
        image = cloud.image.create_image(
            name,
            disk_format=disk_format,
            container_format="bare",
            tags=[tag],
            allow_duplicates=True,
            **source,
        )
        return _built(cloud.image.get_image(image.id))


def _built(image: Any) -> BuiltImage:
    digest = f"{image.hash_algo}:{image.hash_value}" if image.hash_value else None
    return BuiltImage(image.id, digest)

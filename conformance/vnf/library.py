"""Reading blueprints: shipped ones by name, a user's by path, and variants on top of either."""

from __future__ import annotations

from pathlib import Path

from pydantic import ConfigDict

from conformance.errors import UsageError
from conformance.resources import find_fixture
from conformance.settings import Settings, read_settings
from conformance.vnf.blueprint import Blueprint, ImageSettings, NeedsSettings, RoleSettings, Variant


class _Kind(Settings):
    """The one field that tells a variant from a whole blueprint."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    extends: str | None = None


def load_blueprint(name_or_path: str | Path) -> Blueprint:
    """Read a blueprint. UsageError names the file, the place, what was expected, what was seen and the
    nearest name.

    Files it mentions are looked for beside the file that mentions them, and must be there.
    """
    path = find_fixture("vnfs", str(name_or_path), "blueprint")
    if read_settings(path, _Kind, "blueprint").extends is None:
        blueprint = read_settings(path, Blueprint, "blueprint")
        return _placed(blueprint, path, images=blueprint.images, roles=blueprint.roles)
    variant = read_settings(path, Variant, "blueprint")
    beside = path.parent / variant.extends
    base_path = beside if beside.is_file() else find_fixture("vnfs", variant.extends, "blueprint")
    if read_settings(base_path, _Kind, "blueprint").extends is not None:
        raise UsageError(
            f"The blueprint file {path} extends {base_path}, which is itself a variant; extend a whole one."
        )
    base = load_blueprint(base_path)
    changed = base.model_copy(
        update={
            "description": variant.description or base.description,
            "variables": base.variables | variant.variables,
            "flavors": base.flavors | variant.flavors,
        }
    )
    placed = {label: _placed_image(image, path, label) for label, image in variant.images.items()}
    return _placed(changed, path, images=base.images | placed, roles=base.roles)


def _placed(
    blueprint: Blueprint, path: Path, images: dict[str, ImageSettings], roles: dict[str, RoleSettings]
) -> Blueprint:
    """The blueprint as read from ``path``, its files absolute and seen to be there."""
    placed = blueprint.model_copy(
        update={
            "images": {label: _placed_image(image, path, label) for label, image in images.items()},
            "roles": {
                label: role.model_copy(update={"user_data": _file(role.user_data, path, f"roles.{label}.user_data")})
                for label, role in roles.items()
            },
            "needs": _placed_needs(blueprint.needs, path),
        }
    )
    placed._path = path.resolve()
    return placed


def _placed_image(image: ImageSettings, path: Path, label: str) -> ImageSettings:
    if image.file is None:
        return image
    return image.model_copy(update={"file": _file(image.file, path, f"images.{label}.file")})


def _placed_needs(needs: NeedsSettings, path: Path) -> NeedsSettings:
    if needs.packages is None:
        return needs
    return needs.model_copy(update={"packages": _file(needs.packages, path, "needs.packages")})


def _file(mentioned: Path, path: Path, where: str) -> Path:
    found = (path.parent / mentioned.expanduser()).resolve()
    if not found.is_file():
        raise UsageError(f"The blueprint file {path}: {where} should be a file; {found} is not there.")
    return found

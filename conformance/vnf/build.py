"""What every step of a deployment needs to know: where, what, and whose."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.sites import Site, run_prefix, run_tag
from conformance.vnf.blueprint import Blueprint


@dataclass(frozen=True)
class Build:
    """One VNF being built at one site for one run."""

    site: Site
    blueprint: Blueprint
    run_id: str

    @property
    def tag(self) -> str:
        """The tag, and the description, of everything that is built."""
        return run_tag(self.run_id)

    def name(self, label: str) -> str:
        """The name of the resource with this label."""
        return run_prefix(self.run_id) + label

    def marks(self, label: str) -> dict[str, str]:
        """Name and description: what a resource is recognised by from the moment it exists."""
        return {"name": self.name(label), "description": self.tag}

"""What every toxic is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from conformance.linkproxy.stage import Stage


@dataclass(frozen=True)
class Toxic:
    """A toxic's settings and what it does with a stream.

    The dataclass fields of a subclass are the attributes of the API, all of them integers ≥ 0 with the
    defaults of Toxiproxy. A combination that makes no sense raises ValueError from ``__post_init__`` with a
    sentence.
    """

    type: ClassVar[str]
    buffer_limit: ClassVar[int] = 64 * 1024
    """Bytes that may wait in front of it on each connection before the sender is made to wait."""
    closes_on_removal: ClassVar[bool] = False
    """Whether removing it closes the connections it acted on, because their data is lost."""

    async def pipe(self, stage: Stage) -> None:
        """Carry the stream until ``stage.head()`` is None (the stage then passes the end on) or ``finish``
        was called.

        Cancelled and called anew on each change of settings; whatever must outlive that belongs on the stage.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class AppliedToxic:
    """A toxic on a proxy: ``stream`` is spelled as the client spelled it, ``toxicity`` is the share of
    connections it acts on, 0 to 1."""

    name: str
    stream: str
    toxicity: float
    toxic: Toxic

    @property
    def direction(self) -> str:
        """``upstream`` or ``downstream``."""
        return self.stream.lower()

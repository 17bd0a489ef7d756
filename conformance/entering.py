"""Being where the addresses of a run's sites lead somewhere: inside the lab, where it has namespaces."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from conformance.lab import Lab
from conformance.request import Request
from conformance.sites import load_sites


def entered(request: Request, say: Callable[[str], None]) -> AbstractContextManager[None]:
    """Move this process to where the request's sites can be reached: for good, and before it starts any thread.

    A lab of one's own that is not there yet is prepared, and gone again at the end unless it was started.
    """
    if request.options.sites is None:
        request.fetch(say)
        return Lab(request.options.lab, request.lab_sites, progress=say).entered()
    sites = load_sites(request.options.sites)
    sites.close()
    if sites.lab is not None and (lab := Lab(sites.lab)).exists():
        lab.enter()
    return nullcontext()

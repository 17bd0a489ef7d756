"""How a resource shows which run it belongs to: a tag, a description and a name prefix.

Neutron can tag most resources only after it created them; name and description are set in the same call that
creates. So a run that is killed between the two calls still leaves nothing that cannot be recognised.
"""

from __future__ import annotations

import hashlib
import re

from conformance.errors import UsageError

TAG_KEY = "multisite-ha:run"
"""Key of the run's id in metadata of servers and volumes and in extra specs of flavors."""

# Nova allows 60 characters in a server tag, and neither slash nor comma; the key and "=" take 17 of them.
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,39}")

# A VIM check's own short-lived resources; they are swept with the run but belong to no VNF.
CHECK_LABEL = "vim-check"


def run_tag(run_id: str) -> str:
    """The tag of everything this run owns, at every site."""
    if not _RUN_ID.fullmatch(run_id):
        raise UsageError(
            f"A run's id stands in OpenStack tags: expected 1 to 40 letters, digits and . _ : -, got {run_id!r}."
        )
    return f"{TAG_KEY}={run_id}"


def run_prefix(run_id: str) -> str:
    """What every resource name of this run starts with. Eight hexadecimal digits of a digest keep runs
    apart."""
    return f"msha-{hashlib.sha256(run_tag(run_id).encode()).hexdigest()[:8]}-"


def label_of(name: str | None, run_id: str) -> str:
    """A resource's label: its name without the run's prefix, the same at every site."""
    return (name or "").removeprefix(run_prefix(run_id))

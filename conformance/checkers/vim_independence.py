"""MS-GR-01: while the first site is lost, the second site's VIM goes on working: identity, API and
scheduling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from conformance.checkers.timeline import SiteLoss, site_loss
from conformance.checkers.words import count, listed, seconds
from conformance.model import Event, Evidence, ScenarioRecord, Status, Verdict

OBSERVATION = "vim-alive"
# What the requirement names, and the sub-checks that show it: a boolean under the plain name, or how long it
# took.
SHOWN_BY: Mapping[str, tuple[str, ...]] = {
    "identity": ("identity", "token", "token_s"),
    "API": ("api", "catalog", "catalog_s", "list", "list_s"),
    "scheduling": ("scheduling", "server", "server_s"),
}


def check(record: ScenarioRecord) -> Verdict:
    """Judge MS-GR-01. Figures: ``observations`` taken while the site was lost, ``first_after_s`` from the
    loss to the first."""
    loss, second = site_loss(record), record.info.second_site
    if loss is None:
        return Verdict(Status.INCONCLUSIVE, f"The loss of {record.info.first_site} is not on record.")
    taken = sorted(
        (e for e in record.events if e.kind == "observation" and e.name == OBSERVATION and e.target == second),
        key=lambda e: e.t,
    )
    during = [e for e in taken if loss.lasts_at(e.t)]
    if not during:
        reason = f"Nobody looked at the VIM of {second} while {loss.site} was lost."
        return Verdict(Status.INCONCLUSIVE, reason, {"observations": 0})
    figures = {"observations": len(during), "first_after_s": seconds(during[0].t - loss.done)}
    broken = [e for e in during if _wrong(e)]
    evidence = tuple(_evidence(during, loss))
    already = next((e for e in reversed(taken) if e.t < loss.began), None)
    if broken and already is not None and _wrong(already):
        reason = f"The VIM of {second} did not work before {loss.what} either: {'; '.join(_wrong(already))}."
        return Verdict(Status.INCONCLUSIVE, reason, figures, evidence)
    if broken:
        reason = f"The VIM of {second} did not work on its own after {loss.what}: {'; '.join(_wrong(broken[0]))}."
        return Verdict(Status.FAIL, reason, figures, evidence)
    missing = [what for what in SHOWN_BY if not any(_shows(e, what) for e in during)]
    if missing:
        reason = f"Nobody looked at {listed(missing)} of the VIM of {second} while {loss.site} was lost."
        return Verdict(Status.INCONCLUSIVE, reason, figures, evidence)
    if not _silent(record, loss):
        reason = f"Nothing on record shows that {loss.site} was silent when the VIM of {second} was looked at."
        return Verdict(Status.INCONCLUSIVE, reason, figures, evidence)
    reason = (
        f"{listed(list(SHOWN_BY))} of {second} worked in {count(len(during), 'observation')} while "
        f"{loss.site} was silent."
    )
    return Verdict(Status.PASS, reason[0].upper() + reason[1:], figures, evidence)


def _sub_checks(event: Event) -> Mapping[str, Any]:
    nested = event.observed.get("checks")
    return nested if isinstance(nested, Mapping) else event.observed


def _outcome(value: Any) -> bool | None:
    """Whether a sub-check went well: as a boolean, as {"ok": …}, or as the time it took; None for anything
    else."""
    if isinstance(value, Mapping):
        value = value.get("ok")
    if isinstance(value, bool):
        return value
    return True if isinstance(value, (int, float)) else None


def _shows(event: Event, what: str) -> bool:
    return event.ok is True and any(_outcome(_sub_checks(event).get(name)) for name in SHOWN_BY[what])


def _wrong(event: Event) -> list[str]:
    """What an observation found not to work, in words; empty when it found nothing."""
    found = []
    for name, value in _sub_checks(event).items():
        if value is False or (isinstance(value, Mapping) and value.get("ok") is False):
            detail = value.get("detail") if isinstance(value, Mapping) else None
            found.append(f"{name} failed" + (f" ({detail})" if detail else ""))
    if event.observed.get("failed"):
        found.append(f"{event.observed['failed']} failed")
    if event.observed.get("foreign_hosts"):
        found.append(f"it leads to hosts of other sites: {listed(map(str, event.observed['foreign_hosts']))}")
    if found or event.ok is False:
        return [event.detail.rstrip(".")] if event.detail and event.ok is False else found or ["it failed"]
    return []


def _silent(record: ScenarioRecord, loss: SiteLoss) -> bool:
    """Whether the lost site was seen to be silent: by the fault's own verification or by a later look at
    its API."""
    looks = [e for e in record.events if e.kind == "observation" and e.target == loss.site and loss.lasts_at(e.t)]
    if any(e.name == "api-answers" and e.ok is True or e.name == "api-silent" and e.ok is False for e in looks):
        return False
    silent = any(e.name == "api-silent" and e.ok is True or e.name == "api-answers" and e.ok is False for e in looks)
    return silent or loss.verified is True


def _evidence(during: list[Event], loss: SiteLoss) -> Iterator[Evidence]:
    for event in during[:50]:
        text = event.detail or ("worked" if event.ok else "; ".join(_wrong(event)) or "was not judged")
        yield Evidence("observation", f"{event.name} of {event.target}", f"{loss.relative(event.t)}: {text}")

"""Carrying out what a nemesis has planned for the link, one disturbance after the other."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict

from conformance.model import Observation
from conformance.play.disturbing import Disturbed
from conformance.play.stage import Stage
from conformance.schedule import SCHEDULE_FILE, Schedule, write_schedule
from conformance.vocabulary import link_fault


def carry_out(stage: Stage, disturbed: Disturbed, schedule: Schedule, watch: Callable[[float], None]) -> None:
    """Each disturbance is injected, verified, watched for its time and healed before the next is due.

    What is measured of a disturbance takes time of its own, so each may begin later than planned, and lasts for its time
    at least; when it really was, the record of its fault says. The schedule is in the scenario's folder.
    """
    write_schedule(stage.folder / SCHEDULE_FILE, schedule)
    stage.observe("schedule", disturbed.the_link.name, _announced(schedule))
    began = time.monotonic()
    for planned in schedule:
        watch(max(0.0, began + planned.at_s - time.monotonic()))
        fault = link_fault(planned.sentence).make(disturbed)
        stage.say(f"  nemesis: {planned.sentence}, for {planned.lasts_s:g} s")
        until = time.monotonic() + planned.lasts_s
        stage.nemesis.inject(fault, disturbed.link_in_use())
        watch(max(0.0, until - time.monotonic()))
        stage.nemesis.heal(lambda one, this=fault: one is this)


def _announced(schedule: Schedule) -> Observation:
    last = schedule[-1]
    return Observation(
        True,
        f"The nemesis has planned {len(schedule)} disturbances in {last.at_s + last.lasts_s:g} s.",
        {"planned": [asdict(planned) for planned in schedule]},
    )

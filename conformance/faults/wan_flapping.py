"""A link between two sites that comes and goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conformance.dataplane import WanLink
from conformance.errors import UsageError
from conformance.faults.wan_fault import WanFault

_PERIODS = 3
_PACKETS_PER_PERIOD = 50
_SHORTEST_PERIOD_MS = 50
_MOST_OFF = 0.15


class WanFlapping(WanFault):
    """Up for the share ``duty`` of every ``period_ms`` milliseconds, then cut for the rest; beginning up."""

    name = "wan-flapping"

    def __init__(
        self, link: WanLink, period_ms: float, duty: float = 0.5, directions: Sequence[str] | None = None
    ) -> None:
        if period_ms < _SHORTEST_PERIOD_MS or not 0 < duty < 1:
            raise UsageError(
                f"A link should flap with a period of at least {_SHORTEST_PERIOD_MS} ms and be up for a share between "
                f"0 and 1 of it; asked for were {period_ms:g} ms and {duty:g}. Give other values, or cut the link."
            )
        super().__init__(link, {"flap_period_ms": period_ms, "flap_duty": duty}, directions)
        self._period_s = period_ms / 1e3
        self._duty = duty

    def _measure(self) -> Mapping[str, Any]:
        interval = self._period_s / _PACKETS_PER_PERIOD
        bursts = self._link.bursts(count=_PERIODS * _PACKETS_PER_PERIOD, interval=interval)
        return {d: {"arrived_share": 1 - burst.lost_share, "gaps": burst.gaps} for d, burst in bursts.items()}

    def _shows(self, value: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool:
        usual = 1.0 if before is None else before["arrived_share"]
        # Three periods watched from any moment of one show three gaps, or four of which two are cut short.
        return bool(abs(value["arrived_share"] - self._duty * usual) <= _MOST_OFF and value["gaps"] >= _PERIODS)

    def _is_whole(self, value: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool:
        usual = 1.0 if before is None else before["arrived_share"]
        return bool(value["arrived_share"] > usual - (1 - self._duty) / 2)

    def _words(self, value: Mapping[str, Any]) -> str:
        return f"{value['arrived_share']:.0%} of the packets of {_PERIODS} periods arrived, {value['gaps']} gaps"

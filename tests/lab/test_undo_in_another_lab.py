"""What a killed run left in one lab is not looked for in the clouds of another that have the same addresses."""

from __future__ import annotations

import pytest

from conformance.errors import HarnessError
from conformance.lab import Lab
from conformance.undo import UNDO_ACTIONS

pytestmark = pytest.mark.lab


@pytest.mark.parametrize("action", ["sweep", "restore-site", "heal-site-fault"])
def test_an_undo_in_a_lab_that_is_out_of_reach_says_what_undoes_it(namespaces_lab: Lab, action: str) -> None:
    arguments = {"sites": str(namespaces_lab.sites_yaml), "site": "site-a", "run_id": "gone", "fault": "", "part": ""}
    with pytest.raises(HarnessError) as refused:
        UNDO_ACTIONS[action](arguments)
    assert f"lab {namespaces_lab.name}, which is out of reach from here" in str(refused.value)
    assert f"multisite-ha lab down --name {namespaces_lab.name}" in str(refused.value)

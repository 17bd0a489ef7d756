"""A run's marks: what says whose a resource is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.errors import UsageError
from conformance.sites import run_prefix, run_tag
from conformance.sites.marks import label_of

RUN_IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,39}", fullmatch=True)


@given(RUN_IDS)
def test_a_tag_fits_into_what_nova_allows(run_id: str) -> None:
    assert len(run_tag(run_id)) <= 60
    assert not set("/,") & set(run_tag(run_id))


@pytest.mark.parametrize("run_id", ["", "a/b", "a,b", "a" * 41, ".a", "ä"])
def test_a_run_id_that_no_tag_can_hold_is_refused(run_id: str) -> None:
    with pytest.raises(UsageError, match="1 to 40 letters"):
        run_tag(run_id)


@given(RUN_IDS, st.text("abcdefghij-0123456789", min_size=1))
def test_a_label_is_found_again_in_the_name(run_id: str, label: str) -> None:
    assert label_of(run_prefix(run_id) + label, run_id) == label


@given(RUN_IDS, RUN_IDS)
def test_another_runs_name_keeps_its_prefix(run_id: str, other: str) -> None:
    if run_id != other:
        assert label_of(run_prefix(other) + "oam", run_id) == run_prefix(other) + "oam"

"""The requirement catalogue as everybody reads it."""

import pytest

from conformance import catalogue
from conformance.catalogue import load_catalogue


def test_it_is_read_once_and_what_one_does_to_it_no_other_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    load_catalogue().clear()
    monkeypatch.setattr(catalogue, "read_settings", lambda *_: pytest.fail("read again"))
    assert "MS-GR-05" in load_catalogue()

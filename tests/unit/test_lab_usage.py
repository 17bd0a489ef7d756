"""A lab is taken down under nobody who uses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from conformance.errors import UsageError
from conformance.lab.usage import alone, using

USER = """
import sys, time
from pathlib import Path
from conformance.lab.usage import using
with using(Path(sys.argv[1])):
    print("using", flush=True)
    sys.stdin.read()
"""


def test_who_uses_a_lab_is_not_alone_until_he_ends_however_he_ends(tmp_path: Path) -> None:
    lab = tmp_path / "lab"
    with subprocess.Popen(
        [sys.executable, "-c", USER, str(lab)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "using\n"
        with using(lab):  # several can at once
            pass
        with alone(lab) as nobody_else:
            assert not nobody_else
        other.kill()
        other.wait()
        with alone(lab) as nobody_else:
            assert nobody_else


def test_nobody_begins_to_use_a_lab_while_somebody_takes_it_down(tmp_path: Path) -> None:
    with using(tmp_path):
        pass
    with (
        alone(tmp_path) as nobody_else,
        subprocess.Popen(
            [sys.executable, "-c", USER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other,
    ):
        assert nobody_else
        assert other.stdout is not None
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(timeout=1)
        other.kill()
        assert other.stdout.read() == ""


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UsageError, match="Cannot make the folder .*: Not a directory. XDG_STATE_HOME"),
        using(tmp_path / "file" / "lab"),
    ):
        pass

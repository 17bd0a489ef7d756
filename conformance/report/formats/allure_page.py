"""allure.html: Allure's own page of the run as one file, rendered by the npm package `allure`, which must be installed.

The page that it makes phones an analytics service, with no switch to keep it from doing so: that is cut out, and a
Content-Security-Policy keeps whatever is left from asking anybody anything.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from conformance.report.formats import allure
from conformance.report.formats.base import Document, FormatError, JudgedRun, write_document

TIMEOUT_S = 300
_ANALYTICS = (
    re.compile(r"<script[^>]*\bsrc=\"https?://[^>]*>\s*</script>"),
    re.compile(r"<script>(?:(?!</script>).)*\bgtag\((?:(?!</script>).)*</script>", re.DOTALL),
)
_POLICY = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline' "
    "'unsafe-eval' data: blob:; style-src 'unsafe-inline' data:; img-src data: blob:; font-src data:; "
    'connect-src data: blob:; media-src data: blob:; frame-src data: blob:; worker-src data: blob:; base-uri *">'
)


def render(run: JudgedRun) -> Document:
    """allure.html. FormatError when the program `allure` is not on the PATH, or does not make a page."""
    program = shutil.which("allure")
    if program is None:
        raise FormatError(
            "the format allure-page needs the program allure on the PATH: npm install -g allure. "
            "The format allure needs nothing."
        )
    with tempfile.TemporaryDirectory(prefix="multisite-ha-allure-") as scratch:
        results, page = Path(scratch) / "allure-results", Path(scratch) / "page"
        write_document(allure.render(run), results)
        command = [program, "awesome", "--single-file", "--report-name", f"multisite-ha {run.result.info.run_id}"]
        try:
            done = subprocess.run(
                [*command, "--output", str(page), str(results)],
                cwd=scratch,
                env={**os.environ, "CI": "true"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
            text = (page / "index.html").read_text(encoding="utf-8")
        except subprocess.TimeoutExpired:
            raise FormatError(f"{program} did not make a page within {TIMEOUT_S} s.") from None
        except OSError:
            raise FormatError(f"{program} made no page: {(done.stderr or done.stdout).strip()[-300:]}") from None
    return Document(without_analytics(text))


def without_analytics(page: str) -> str:
    """The page without its analytics. FormatError when some would be left, as another version's may be made."""
    for analytics in _ANALYTICS:
        page = analytics.sub("", page)
    if "googletagmanager" in page or "<head>" not in page:
        raise FormatError("this version of allure makes a page whose analytics cannot be cut out; use version 3.18.")
    return page.replace("<head>", f"<head>{_POLICY}", 1)

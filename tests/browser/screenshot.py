"""Takes the picture of a report that the README shows: python tests/browser/screenshot.py REPORT.html PICTURE.png"""

from __future__ import annotations

import asyncio
import base64
import sys
import tempfile
from pathlib import Path

from chromium import Page, open_page

SHOWN = "figure:has(.timeline)"
MARGIN = 12


async def take(report: Path, file: Path) -> None:
    """Write the picture of a report's first timeline."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        async with open_page(Path(scratch) / "profile") as page:
            await page.emulate(width=1180)
            await page.open(report.resolve().as_uri())
            file.write_bytes(await picture(page))
            assert page.complaints == []


async def picture(page: Page) -> bytes:
    """A PNG of the element with a margin around it."""
    box = await page.evaluate(
        f"(() => {{ const b = document.querySelector({SHOWN!r}).getBoundingClientRect();"
        " return [b.left + scrollX, b.top + scrollY, b.width, b.height]; })()"
    )
    left, top, width, height = box[0] - MARGIN, box[1] - MARGIN, box[2] + 2 * MARGIN, box[3] + 2 * MARGIN
    clip = {"x": left, "y": top, "width": width, "height": height, "scale": 1}
    answer = await page.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
    return base64.b64decode(answer["data"])


if __name__ == "__main__":
    asyncio.run(take(Path(sys.argv[1]), Path(sys.argv[2])))

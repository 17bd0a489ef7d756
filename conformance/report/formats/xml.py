"""Text that XML can hold."""

from __future__ import annotations

import re

# XML 1.0 has no way to write these characters, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """``text`` with U+FFFD for every character that cannot be in an XML document."""
    return _NOT_XML.sub("\ufffd", text)

"""Errors that are shown to a person: one or two sentences, never a traceback."""

from __future__ import annotations


class HarnessError(Exception):
    """The harness or its infrastructure could not do its work (exit code 3).

    The message says what was expected, what was seen, where, and what to do next.
    """


class UsageError(HarnessError):
    """What the user gave cannot be used: a file, a name or an option (exit code 64)."""

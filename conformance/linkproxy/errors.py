"""What the HTTP API answers when it cannot do what was asked."""

from __future__ import annotations


class ApiError(Exception):
    """``status`` is the HTTP status; the message is Toxiproxy's where Toxiproxy has one."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

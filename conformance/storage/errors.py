"""What goes wrong with volumes and their replication."""

from conformance.errors import HarnessError


class StorageError(HarnessError):
    """A volume cannot be read, written, replicated or adopted."""


class NotApplicable(StorageError):
    """This machine lacks what replication through the storage needs; the sentence says what to install."""

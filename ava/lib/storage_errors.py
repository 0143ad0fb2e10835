"""How a storage says no, whichever it is."""


class StorageRefused(Exception):
    """The storage says no, and will until the operator changes its settings."""


class StorageUnreachable(Exception):
    """The storage does not answer, or the disk is full; worth another try."""

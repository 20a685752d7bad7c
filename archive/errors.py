"""What goes wrong with an archive, in words for operators; none of them holds a secret."""


class ArchiveError(Exception):
    """Something of the archive is not as it should be."""


class UnreachableError(ArchiveError):
    """The folder or the bucket does not answer, or does not let us in: try again later."""


class MissingError(ArchiveError):
    """There is no object of this name."""


class CorruptError(ArchiveError):
    """What is there is not what was written."""

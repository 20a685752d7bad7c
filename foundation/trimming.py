"""Memory that was used is given back to the system."""

import ctypes

_libc = ctypes.CDLL(None)
#: glibc keeps what thousands of freed objects leave between them; musl has no such function, and no need for it.
_trim = getattr(_libc, "malloc_trim", None)
#: The size from which glibc gives memory straight back to the system. By itself it grows to 32 MiB with what is freed
#: (mallopt(3)), and each thread keeps about 40 MB of the large bodies that it has read.
M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES = -3, 2**20
if _trim:
    _libc.mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)


def trim() -> None:
    """Give what is free back to the system."""
    if _trim:
        _trim(0)

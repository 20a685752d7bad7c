"""Archives in a folder of this machine: files that only we may read (0600), in folders that only we may open (0700)."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from archive.errors import CorruptError, MissingError, UnreachableError

#: Behind the name of a file that is not whole.
DRAFT = ".part"


class Folder:
    """See `archive.place.Place`. The folder itself is never made: a disk that is not mounted is not to be filled."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, name: str, content: bytes) -> None:
        """See there."""
        path = self._root / name
        draft = path.with_name(path.name + DRAFT)
        with self._reached():
            self._make(path.parent)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "wb") as file:
                os.fchmod(descriptor, 0o600)
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            draft.replace(path)
            _sync(path.parent)

    def read(self, name: str, *, most_bytes: int) -> bytes:
        """See there."""
        with self._reached():
            try:
                with (self._root / name).open("rb") as file:
                    content = file.read(most_bytes + 1)
            except FileNotFoundError:
                raise MissingError(f"{name} is not there.") from None
        if len(content) > most_bytes:
            raise CorruptError(f"{name} is larger than what was written.")
        return content

    def names(self, folder: str) -> list[str]:
        """See there. A draft that a kill has left counts, so that it is deleted with the others."""
        with self._reached():
            files = [path for path in (self._root / folder).rglob("*") if path.is_file()]
            return sorted(path.relative_to(self._root).as_posix() for path in files)

    def delete(self, names: Sequence[str]) -> None:
        """See there. A folder that nothing is left in goes, too."""
        with self._reached():
            for name in names:
                (self._root / name).unlink(missing_ok=True)
            folders = {parent for name in names for parent in Path(name).parents if parent.name}
            for folder in sorted(folders, key=lambda one: len(one.parts), reverse=True):
                if (self._root / folder).is_dir() and not any((self._root / folder).iterdir()):
                    (self._root / folder).rmdir()

    def _make(self, folder: Path) -> None:
        if folder == self._root or folder.is_dir():
            return
        self._make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync(folder.parent)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            if not self._root.is_dir():
                raise UnreachableError(f"{self._root} is not there: make it, or mount its disk.")
            yield
        except OSError as error:
            raise UnreachableError(f"{self._root}: {error.strerror or type(error).__name__}.") from error


def _sync(folder: Path) -> None:
    """Have a folder's names outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

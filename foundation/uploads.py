"""No page takes files: Django would write a stranger's onto the disk, of any size, before it asks who they are."""

from typing import Any, NoReturn

from django.core.exceptions import BadRequest
from django.core.files.uploadhandler import FileUploadHandler


class NoFiles(FileUploadHandler):
    """Refuses a form with its first file."""

    def new_file(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise BadRequest("No page takes files.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> NoReturn:  # noqa: ARG002 - Django's signature
        raise BadRequest("No page takes files.")

    def file_complete(self, file_size: int) -> None:  # noqa: ARG002 - Django's signature
        return None

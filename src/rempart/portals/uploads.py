"""What a page takes as a file: small ones, in memory. Nothing that is sent reaches the disk.

A larger file is left unread: the form says that none came. One page takes photographs. Forms are
read before it is known who sent them: the limit is for all the files of a form together.
"""

import io
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload

from rempart.exchange import photo_file

FILE_LIMIT: Final = 256 * 1024
LIMITS: Final[Mapping[str, int]] = MappingProxyType({"report-message": photo_file.MOST_BYTES})


class SmallFileHandler(FileUploadHandler):
    """Keeps files in memory; gives up the whole form when they grow beyond the limit."""

    _received = 0

    def new_file(self, *values: object, **options: object) -> None:
        """Begin a file."""
        super().new_file(*values, **options)  # type: ignore[arg-type]
        self._content = io.BytesIO()
        match = self.request.resolver_match if self.request else None
        self._limit = LIMITS.get(match.view_name if match else "", FILE_LIMIT)

    def receive_data_chunk(
        self,
        raw_data: bytes,
        start: int,  # noqa: ARG002 - of one file, and files are counted together
    ) -> None:
        """Keep a piece of it, or stop reading what the browser sends."""
        self._received += len(raw_data)
        if self._received > self._limit:
            raise StopUpload(connection_reset=True)
        self._content.write(raw_data)

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        """Hand it over."""
        self._content.seek(0)
        return InMemoryUploadedFile(
            file=self._content,
            field_name=self.field_name,
            name=self.file_name or "",
            content_type=self.content_type,
            size=file_size,
            charset=self.charset,
            content_type_extra=self.content_type_extra,
        )

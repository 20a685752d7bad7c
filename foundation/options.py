"""What OPTIONS tells: which methods there are, by `Allow`. DRF would describe our classes."""

from typing import Any

from rest_framework.metadata import BaseMetadata
from rest_framework.request import Request


class MethodsOnly(BaseMetadata):
    """Tell nothing more."""

    def determine_metadata(self, request: Request, view: Any) -> dict[str, Any]:  # noqa: ARG002 - DRF's signature
        return {}

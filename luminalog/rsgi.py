"""The address that deployments name for granian; the web process itself is in `luminalog.server`."""

from luminalog.server.rsgi import application

__all__ = ["application"]

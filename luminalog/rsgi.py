"""The address that deployments name for granian; the web process itself is in `luminalog.server`."""

from luminalog.wsgi import application as wsgi_application  # first: it sets Django up

# isort: split
from luminalog.server.rsgi import Application

application = Application(wsgi_application)

"""The WSGI application: the API and the admin."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "luminalog.settings")

application = get_wsgi_application()

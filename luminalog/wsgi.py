"""The WSGI application: the API and the admin."""

import gc
import os

from django.core.wsgi import get_wsgi_application

from luminalog.checks import refuse_unfit_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "luminalog.settings")

application = get_wsgi_application()
refuse_unfit_settings()

# What lives as long as the process need not be looked at again each time a body full of lists and objects is parsed.
gc.collect()
gc.freeze()

"""The WSGI application: the API and the admin."""

import gc
import os

from foundation import starting

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "luminalog.settings")
starting.set_up(set_prefix=False)

from foundation.plain_request import PlainHandler  # noqa: E402 - after the setup
from luminalog.checks import refuse_unfit_settings  # noqa: E402

application = PlainHandler()
refuse_unfit_settings()

# What lives as long as the process need not be looked at again each time a body full of lists and objects is parsed.
gc.collect()
gc.freeze()

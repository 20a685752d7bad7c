"""Settings, all from the environment. Production is the default: it has no default for a secret or an address.

`LUMINALOG_DEVELOPMENT=1` (set by `bin/luminalog up`) is the only relaxation: plain HTTP on loopback is accepted.
"""

from luminalog.settings.access import *
from luminalog.settings.applications import *
from luminalog.settings.audit import *
from luminalog.settings.environment import *
from luminalog.settings.intake import *
from luminalog.settings.outside import *
from luminalog.settings.server import *
from luminalog.settings.static import *
from luminalog.settings.stores import *
from luminalog.settings.work import *

"""Sessions of staff, in the database. A cookie that no session of ours could have is not asked for there."""

import re

from django.contrib.sessions.backends import db

#: As Django makes them; a quoted cookie may hold any byte, NUL too.
KEY = re.compile(r"[0-9a-z]{8,40}", re.ASCII)


class SessionStore(db.SessionStore):
    def _validate_session_key(self, key: str) -> bool:
        return bool(key and KEY.fullmatch(key))

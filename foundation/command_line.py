"""What all commands have in common: where they cannot go on, one line says why, and a status; never a traceback.

Arguments are UTF-8. What a terminal cannot show is escaped. A reader who goes away ends the command without a word.
"""

import io
import os
import sys
from collections.abc import Callable, Sequence

from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError
from django.db import DatabaseError, InterfaceError
from redis import RedisError

from foundation.outages import is_outage
from foundation.refusals import Refusal

#: Wrong words, options or arguments; and a server that is needed, and away: trying again may help.
NOT_UNDERSTOOD, NO_ANSWER = 2, 3
#: What shells say of a process that SIGPIPE, or SIGINT, has ended.
READER_GONE, INTERRUPTED = 141, 130
#: Django's option for whoever wants to see more.
TRACEBACK = "--traceback"


Main = Callable[[Sequence[str]], int]


def run(main: Main, arguments: Sequence[str]) -> int:
    """Call `main` with `arguments`; return the exit status of the process."""
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace", line_buffering=True)
    try:
        status = _status(main, arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        _leave_out_the_rest()
        return READER_GONE
    except OSError as error:
        _leave_out_the_rest()
        return _fail(str(error))
    return status


def _status(main: Main, arguments: Sequence[str]) -> int:
    odd = [place for place, argument in enumerate(arguments) if not _is_text(argument)]
    if odd:
        return _fail(f"Argument {odd[0]} is not valid UTF-8.", status=NOT_UNDERSTOOD)
    try:
        return main(arguments)
    except SystemExit as end:
        return _fail(end.code) if isinstance(end.code, str) else end.code or 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except CommandError as error:
        if TRACEBACK in arguments:
            raise
        return _fail(str(error), status=error.returncode)
    except (DatabaseError, InterfaceError, RedisError, Refusal, ImproperlyConfigured, UnicodeError) as error:
        if TRACEBACK in arguments:
            raise
        return _fail(_words(error), status=NO_ANSWER if _is_away(error) else 1)


def _open_what_is_closed() -> None:
    """Whoever closed our output (`>&-`) wants none of it."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 - until the end of the process


def _leave_out_the_rest() -> None:
    """Send what cannot be written nowhere: at the end of the process it would fail again, with a traceback."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_text(argument: str) -> bool:
    """Tell whether the shell gave us text: bytes that are none came in as lone surrogates (PEP 383)."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_away(error: Exception) -> bool:
    """Tell whether a server does not answer."""
    is_busy = isinstance(error, Refusal) and error.code in ("storage_unavailable", "overloaded")
    return is_busy or isinstance(error, RedisError) or is_outage(error)


def _words(error: Exception) -> str:
    match error:
        case Refusal():
            return error.detail
        case RedisError():
            return f"Valkey does not answer: {error}"
        case DatabaseError() | InterfaceError() if is_outage(error):
            return f"PostgreSQL does not answer: {error}"
        case _:
            return f"{type(error).__name__}: {error}"


def _fail(why: str, *, status: int = 1) -> int:
    print("luminalog:", " ".join(why.split()), file=sys.stderr)
    return status

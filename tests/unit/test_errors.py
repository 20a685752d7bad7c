"""Which failures of PostgreSQL are an outage, to be answered 503, and which are a bug."""

import psycopg
import pytest
from django.db import DataError, InternalError, OperationalError

from foundation.errors import as_refusal
from foundation.outages import is_outage
from foundation.refusals import CODES, Refusal


def failure(kind: type[Exception], sqlstate: str | None) -> Exception:
    """Return what Django raises for a failure that PostgreSQL reports with `sqlstate`."""
    cause: psycopg.Error = psycopg.errors.lookup(sqlstate)("message") if sqlstate else psycopg.OperationalError("gone")
    error = kind("message")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("kind", "sqlstate", "code"),
    [
        (OperationalError, None, "storage_unavailable"),
        (OperationalError, "57P01", "storage_unavailable"),
        (OperationalError, "53100", "storage_unavailable"),
        (InternalError, "25006", "storage_unavailable"),
        (InternalError, "25P03", "storage_unavailable"),
        (OperationalError, "55P03", "overloaded"),
        (OperationalError, "57014", "overloaded"),
        (OperationalError, "53300", "overloaded"),
    ],
)
def test_outage_is_answered_503_with_retry_after(kind: type[Exception], sqlstate: str | None, code: str) -> None:
    error = as_refusal(failure(kind, sqlstate))

    assert (error.code, error.status) == (code, 503)
    assert int(error.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("sqlstate", ["22P05", "23505", "22001"])
def test_refused_data_is_no_outage(sqlstate: str) -> None:
    assert not is_outage(failure(DataError, sqlstate))
    assert as_refusal(failure(DataError, sqlstate)).code == "internal_error"


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_refusal_with_a_reason_phrase(code: str) -> None:
    error = Refusal(code)
    assert 400 <= error.status < 600
    assert error.detail.endswith(".")

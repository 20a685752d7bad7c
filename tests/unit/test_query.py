"""The search language: what each query finds, and what its errors say."""

import pytest

from explore.query import QueryError, matches, parse

ENTRY = {
    "level": "error",
    "message": "Payment FAILED for order 17",
    "environment": "production",
    "project": "shop",
    "trace_id": "t-1",
    "span_id": None,
    "parent_span_id": None,
    "metadata": {
        "userId": 123,
        "orderId": "ORD-12345",
        "duration_ms": 812.5,
        "user": {"id": "u7", "admin": True},
        "http.status": 500,
        "path": "/api/pay",
        "tags": ["red", "blue"],
        "items": [{"sku": "A1"}, {"sku": "B2"}],
        "balance": -5,
        "nothing": None,
        "digits": "0042",
        "naïve": "ünïcode",
    },
    "error": {"type": "PaymentError", "message": "Insufficient funds", "stack_trace": ["at pay (pay.ts:45)"]},
}


@pytest.mark.parametrize(
    "query",
    [
        "",
        "  ",
        "*",
        "payment",
        '"payment failed"',
        "payment 17",
        "fail*17",
        "message:order",
        "level:error",
        "level:ERROR",
        "level:>=warn",
        "level:[info TO fatal]",
        "level:(debug OR error)",
        "environment:production",
        "env:prod*",
        "project:shop",
        "trace:t-1",
        "has:error",
        "has:userId",
        "error.type:PaymentError",
        'error.message:"INSUFFICIENT funds"',
        "error.stack_trace:pay.ts",
        "userId:123",
        "userId:123.0",
        "metadata.userId:123",
        "orderId:ORD-12345",
        "orderId:ORD*",
        "orderId:*-123*",
        "user.id:u7",
        "user.admin:true",
        "http.status:500",
        "http.status:5*",
        "path:/api/pay",
        "path:/api/*",
        "duration_ms:>500",
        "duration_ms:<=812.5",
        "duration_ms:[800 TO 900]",
        "duration_ms:{800 TO *}",
        "tags:blue",
        "items.sku:B2",
        "balance:-5",
        "balance:<-4",
        "balance:[-6 TO -4]",
        "digits:0042",
        'digits:>"0041"',
        "user:*",
        "-missing:*",
        "-nothing:*",
        "nothing:null",
        "NOT level:info",
        "-level:info",
        "level:info OR userId:123",
        "(level:info OR level:error) AND payment",
        "payment level:info OR level:error",
        "naïve:ünïcode",
        "orderId:(ORD-1 OR ORD-12345)",
        r"path:\/api\/pay",
    ],
)
def test_query_finds_the_entry(query: str) -> None:
    assert matches(parse(query), ENTRY)
    assert not matches(parse(f"NOT ({query})" if query.strip() else "-*"), ENTRY)


@pytest.mark.parametrize(
    "query",
    [
        "refund",
        '"failed payment"',
        "level:info",
        "level:>error",
        "level:<error",
        "has:refund",
        "has:nothing",
        'userId:"123"',
        "userId:12",
        "userId:>123",
        "orderId:>500",
        "ORD-12345",
        "orderId:ord-12345",
        "user.id:u",
        "duration_ms:{812.5 TO *}",
        "digits:42",
        "user.admin:false",
        "-payment",
        "trace:t-2",
        "tags:red*blue",
    ],
)
def test_query_does_not_find_the_entry(query: str) -> None:
    assert not matches(parse(query), ENTRY)


@pytest.mark.parametrize(
    ("query", "message", "position"),
    [
        ("(a OR b", "ends too early", 7),
        ("foo)", ") is not expected", 3),
        ("a:", "ends too early", 2),
        ('a:"b', "closing quotation mark", 2),
        ("a AND", "ends too early", 5),
        ("OR a", "O is not expected", 0),
        ("x level:loud", "level must be one of debug", 8),
        ("path:/a url:https://x", "needs quotes", 12),
        ("x~2", "not part of the search language", 0),
        ("x^2", "not part of the search language", 0),
        ("ok >5", "needs a field", 3),
        ("[1 TO 2]", "needs a field", 0),
        ("project:>a", "project cannot be compared", 8),
        ("a:>b*", "cannot be compared", 2),
        ("a\0b", "U+0000", 1),
        ("x" * 2_001, "at most 2,000", 2_000),
        ("(" * 999 + "a" + ")" * 999, "at most 20 deep", 21),
        ("-" * 1999 + "a", "at most 20 deep", 21),
        ("(" * 25 + "a" + ")" * 25, "at most 20 deep", 21),
        (" ".join(["a"] * 101), "at most 100 terms", 200),
        ("a" + "*" * 9, "at most 8 wildcards", 0),
    ],
)
def test_error_says_what_and_where(query: str, message: str, position: int) -> None:
    with pytest.raises(QueryError) as raised:
        parse(query)
    assert message in raised.value.message
    assert raised.value.position == position

"""The search language: `parse` makes a query's text the conditions that the log store understands.

terms  = choice {choice}            all hold
choice = both {"OR" both}
both   = term {"AND" term}
term   = ("NOT" | "+") term | "(" terms ")" | [name ":"] term | value | comparison | range
"""

from explore.fields import NEVER_HASHED, Comparison, ask_field, ask_group, ask_words, refuse_unasked
from explore.grouped import Grouped
from explore.hashed import Hashed
from explore.syntax import QueryError, Token, tokens, unexpected
from explore.values import MAX_WILDCARDS, Value, read_value
from storage.conditions import EVERYTHING, Condition, Counted, Either, Every, Operator, Unless
from storage.matching import matches

__all__ = ["Node", "QueryError", "matches", "parse"]

Node = Condition
MAX_DEPTH = 20
MAX_TERMS = 100
RANGE = "A range is written [1 TO 9], {1 TO 9} or [1 TO *]."
OPERATORS: dict[str, Operator] = {"<": "<", "<=": "<=", ">": ">", ">=": ">="}


def parse(text: str, *, hashed: Hashed = lambda _text, _field: None, grouped: Grouped = lambda _number: ()) -> Node:
    """Parse a query; blank text matches every entry. Values that are kept `hashed` are found, too.

    `grouped` knows the fingerprints of a group's number. Raises: `QueryError`.
    """
    return _Parser(text, hashed, grouped).parse()


class _Parser:
    """One walk through a query's tokens; inside `field:(…)` each value is one of that field's."""

    def __init__(self, text: str, hashed: Hashed, grouped: Grouped) -> None:
        self.text = text
        self.hashed = hashed
        self.grouped = grouped
        self.tokens = list(tokens(text))
        self.terms = 0

    def parse(self) -> Node:
        if self.next.kind == "end":
            return EVERYTHING
        node = self._all(None, 0)
        if self.next.kind != "end":
            raise unexpected(self.text, self.next.position)
        return node

    @property
    def next(self) -> Token:
        return self.tokens[0]

    def _take(self, *kinds: str, hint: str | None = None) -> Token:
        token = self.next
        if token.kind not in kinds:
            is_hinted = hint is not None and token.kind != "end"
            raise QueryError(hint, token.position) if is_hinted else unexpected(self.text, token.position)  # type: ignore[arg-type]
        return self.tokens.pop(0)

    def _all(self, field: str | None, depth: int) -> Node:
        found = [self._either(field, depth)]
        while self.next.kind not in ("end", ")"):
            found.append(self._either(field, depth))
        return found[0] if len(found) == 1 else Every(tuple(found))

    def _either(self, field: str | None, depth: int) -> Node:
        found = [self._both(field, depth)]
        while self.next.kind == "OR":
            self._take("OR")
            found.append(self._both(field, depth))
        return found[0] if len(found) == 1 else Either(tuple(found))

    def _both(self, field: str | None, depth: int) -> Node:
        found = [self._term(field, depth)]
        while self.next.kind == "AND":
            self._take("AND")
            found.append(self._term(field, depth))
        return found[0] if len(found) == 1 else Every(tuple(found))

    def _term(self, field: str | None, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise QueryError(f"A query may be nested at most {MAX_DEPTH} deep.", self.next.position)
        match self._take("NOT", "+", "(", "word", "phrase", "compare", "["):
            case Token(kind="NOT"):
                return Unless(self._term(field, depth + 1))
            case Token(kind="+"):
                return self._term(field, depth + 1)
            case Token(kind="("):
                found = self._all(field, depth + 1)
                self._take(")")
                return found
            case Token(kind="word") as name if self.next.kind == ":":
                self._take(":")
                if field is not None:
                    raise QueryError("A value with a colon needs quotes.", name.position)
                return self._term(self._name(name), depth + 1)
            case token:
                return self._ask(field, token)

    def _name(self, token: Token) -> str:
        value = read_value(token.text)
        if len(value.pieces) > 1:
            raise QueryError("A name takes no *; a backslash before it makes it a character.", token.position)
        try:
            refuse_unasked(value.text)
        except QueryError as error:
            raise QueryError(error.message, token.position) from error
        return value.text

    def _ask(self, field: str | None, token: Token) -> Node:
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise QueryError(f"A query may have at most {MAX_TERMS} terms.", token.position)
        comparisons = self._comparisons(token)
        if field is None:
            if token.kind in ("compare", "["):
                raise QueryError("A comparison needs a field, as in duration_ms:>500.", token.position)
            return self._or_hashed(None, comparisons[0], ask_words(comparisons[0].value))
        try:
            if field == "group":
                found: tuple[Node, ...] = tuple(Counted(self.grouped(number)) for number in map(ask_group, comparisons))
            else:
                found = tuple(self._or_hashed(field, one, ask_field(field, one)) for one in comparisons)
        except QueryError as error:
            raise QueryError(error.message, token.position) from error
        return found[0] if len(found) == 1 else Every(found)

    def _or_hashed(self, field: str | None, comparison: Comparison, asked: Node) -> Node:
        """Return what was asked, or the same of the value's hash."""
        value = comparison.value
        if comparison.operator or len(value.pieces) > 1 or field in NEVER_HASHED:
            return asked
        kept = self.hashed(value.text, None if field == "message" else field)
        if kept is None:
            return asked
        other = Value((kept,), is_quoted=True)
        return Either((asked, ask_words(other) if field is None else ask_field(field, Comparison(other))))

    def _comparisons(self, token: Token) -> list[Comparison]:
        match token.kind:
            case "compare":
                return [Comparison(_value(self._take("word", "phrase")), OPERATORS[token.text])]
            case "[":
                return self._bounds(includes_low=token.text == "[")
            case _:
                return [Comparison(_value(token))]

    def _bounds(self, *, includes_low: bool) -> list[Comparison]:
        low = _value(self._take("word", "phrase", hint=RANGE))
        if self.next.text != "TO":
            self._take("TO", hint=RANGE)
        self._take("word")
        high = _value(self._take("word", "phrase", hint=RANGE))
        includes_high = self._take("]", hint=RANGE).text == "]"
        bounds = [Comparison(low, ">=" if includes_low else ">"), Comparison(high, "<=" if includes_high else "<")]
        return [bound for bound in bounds if not bound.value.is_anything] or [Comparison(Value(("", "")))]


def _value(token: Token) -> Value:
    value = read_value(token.text)
    if len(value.pieces) > MAX_WILDCARDS + 1:
        raise QueryError(f"A value may have at most {MAX_WILDCARDS} wildcards.", token.position)
    return value

"""The search language: `parse` makes a query's text the conditions that the log store understands."""

from luqum import tree as lucene

from explore.fields import Comparison, ask_field, ask_message
from explore.matching import matches
from explore.syntax import QueryError, Tree, parse_syntax
from explore.values import MAX_WILDCARDS, Value, read_value
from storage.conditions import EVERYTHING, Condition, Either, Every, Unless

__all__ = ["Node", "QueryError", "matches", "parse"]

Node = Condition
MAX_DEPTH = 20
MAX_TERMS = 100


def parse(text: str) -> Node:
    """Parse a query; blank text matches every entry. Raises: `QueryError`."""
    syntax = parse_syntax(text)
    return _Translation(syntax).translate(syntax.root) if syntax else EVERYTHING


class _Translation:
    """One walk through a query's syntax tree."""

    def __init__(self, syntax: Tree) -> None:
        self.syntax = syntax
        self.terms = 0

    def translate(self, item: lucene.Item, *, field: str | None = None, depth: int = 0) -> Node:
        """Translate `item`; inside `field:(…)` each value is one of that field's."""
        if depth > MAX_DEPTH:
            raise self._error(f"A query may be nested at most {MAX_DEPTH} deep.", item)

        def inner(child: lucene.Item, name: str | None = field) -> Node:
            return self.translate(child, field=name, depth=depth + 1)

        match item:
            case lucene.OrOperation():
                return Either(tuple(map(inner, item.operands)))
            case lucene.AndOperation() | lucene.UnknownOperation():
                return Every(tuple(map(inner, item.operands)))
            case lucene.Not() | lucene.Prohibit():
                return Unless(inner(item.a))
            case lucene.Plus():
                return inner(item.a)
            case lucene.BaseGroup():
                return inner(item.expr)
            case lucene.SearchField() if field is None:
                return inner(item.expr, self._name(item))
            case lucene.SearchField():
                raise self._error("A value with a colon needs quotes.", item)
            case _:
                return self._ask(item, field)

    def _name(self, item: lucene.SearchField) -> str:
        return read_value(lucene.Word(item.name)).text

    def _ask(self, item: lucene.Item, field: str | None) -> Node:
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise self._error(f"A query may have at most {MAX_TERMS} terms.", item)
        comparisons = self._comparisons(item)
        if field is None:
            if any(comparison.operator for comparison in comparisons):
                raise self._error("A comparison needs a field, as in duration_ms:>500.", item)
            return ask_message(comparisons[0].value)
        try:
            return _all(tuple(ask_field(field, comparison) for comparison in comparisons))
        except QueryError as error:
            raise self._error(error.message, item) from error

    def _comparisons(self, item: lucene.Item) -> list[Comparison]:
        match item:
            case lucene.Word() | lucene.Phrase():
                return [Comparison(self._value(item))]
            case lucene.From():
                return [Comparison(self._value(item.a), ">=" if item.include else ">")]
            case lucene.To():
                return [Comparison(self._value(item.a), "<=" if item.include else "<")]
            case lucene.Range():
                return self._bounds(item)
            case _:
                raise self._error("Regular expressions, ~ and ^ are not part of the search language.", item)

    def _bounds(self, item: lucene.Range) -> list[Comparison]:
        low = Comparison(self._bound(item.low), ">=" if item.include_low else ">")
        high = Comparison(self._bound(item.high), "<=" if item.include_high else "<")
        bounds = [bound for bound in (low, high) if not bound.value.is_anything]
        return bounds or [Comparison(Value(("", "")))]

    def _bound(self, item: lucene.Item) -> Value:
        if isinstance(item, lucene.Prohibit):  # [-5 TO 5]
            value = self._value(item.a)
            return Value(("-" + value.pieces[0], *value.pieces[1:]), is_quoted=value.is_quoted)
        return self._value(item)

    def _value(self, item: lucene.Term) -> Value:
        value = read_value(item)
        if len(value.pieces) > MAX_WILDCARDS + 1:
            raise self._error(f"A value may have at most {MAX_WILDCARDS} wildcards.", item)
        return value

    def _error(self, message: str, item: lucene.Item) -> QueryError:
        return QueryError(message, self.syntax.position(item))


def _all(conditions: tuple[Node, ...]) -> Node:
    return conditions[0] if len(conditions) == 1 else Every(conditions)

"""Template filters that say numbers and times as people do."""

from django import template

from foundation import phrases
from foundation.sizes import format_bytes

register = template.Library()
register.filter("size", format_bytes)
for phrase in (phrases.count, phrases.ago, phrases.until):
    register.filter(phrase.__name__, phrase)

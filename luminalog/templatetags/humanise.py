"""Template filters that say numbers and times as people do."""

from django import template

from luminalog import phrases

register = template.Library()
for phrase in (phrases.size, phrases.count, phrases.ago, phrases.until):
    register.filter(phrase.__name__, phrase)

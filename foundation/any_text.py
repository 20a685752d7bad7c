"""The rest of an address, whatever is in it: line ends, too, which Django's `path` leaves out."""

from django.urls import register_converter
from django.urls.converters import StringConverter


class AnyText(StringConverter):
    """At least one character of any kind."""

    regex = "(?s:.+)"


register_converter(AnyText, "any_text")

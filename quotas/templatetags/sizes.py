"""Bytes in templates."""

from django import template

from quotas.sizes import format_bytes

register = template.Library()
register.filter("bytes", format_bytes)

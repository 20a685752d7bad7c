"""Dates as operators read them."""

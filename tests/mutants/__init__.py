"""Deliberate breaks of the product, each of which the suite must notice: `make chaos-mutants`."""

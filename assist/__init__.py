"""Explain: what is different about an error group, a model's suggestion for who wants one, what was there around it."""

"""Dashboards: panels of figures, entries, errors and quota, over one range; kept as documents, answered sparingly."""

"""The least that a request can cost: applications that do nothing, for the ratios of `make bench`."""

"""Tests that need much: bodies of 128 MiB, ten thousand examples. Part of `make test`."""

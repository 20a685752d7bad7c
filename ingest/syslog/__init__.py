"""Listens for syslog by UDP, TCP and TLS, in a process of its own, and hands over what it hears in batches.

No address of a sender, and no key, is in the protocol: `listeners` says whose messages they are. What waits is bounded:
by TCP we read no further then (the sender keeps it), by UDP it is dropped and counted.
"""

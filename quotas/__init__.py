"""What callers may send: plans, token buckets, byte quotas and usage."""

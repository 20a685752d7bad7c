"""A request's bytes: admitted to memory, read and inflated within bounds. Knows no protocol."""

"""Where the ledger and what is kept do not agree. Gathered by `operations.verification`."""

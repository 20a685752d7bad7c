"""Where entries live: the log store, its partitions and its interface."""

"""From the 200 to the log store: kept batches, the drain that moves them, what it cannot move, and how full it is."""

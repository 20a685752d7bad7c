"""`make bench`: what the product does in a second on this machine, as ratios to what the machine can do."""

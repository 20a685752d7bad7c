"""What fields the entries of a project have: learnt from a sample, and told when that is so no longer."""

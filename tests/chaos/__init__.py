"""Fault injection: break every part and every link of the running product, and check that nothing was lost."""

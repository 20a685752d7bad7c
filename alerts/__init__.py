"""Rules that look at what is counted, the incidents that they find, and whom those are told to."""

"""What a message looks like, one file a kind of channel: each a pure function from an envelope to what is sent."""

"""What a rule may ask for at most."""

MOST_MINUTES = 1_440
MOST_COUNT = 10**9
MOST_CHANNELS = 20
MOST_QUERY = 2_000
MOST_NAME = 200

"""The tails' application, patient with a reader: to store what one leaves unread takes a busy machine long."""

# ruff: noqa: I001 - Django is set up first

from luminalog.asgi import application as application
from explore.tail import application as stream, lane
from tests.patience import be_patient

be_patient()
stream.SEND_SECONDS = lane.LONGEST_LAG_SECONDS = 600

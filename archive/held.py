"""What this room has of an organisation: its archives."""

from archive import deleting
from foundation.holdings import Belongings, register

ARCHIVES = Belongings(name="archived days", forget=deleting.delete_all)

register(ARCHIVES)

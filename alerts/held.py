"""What this room holds of values that clients sent: searches of rules, and what incidents were counted by."""

from alerts import forgetting
from foundation.holdings import Belongings, Holding, register

SEARCHES = Holding(name="searches of alert rules", count=forgetting.count_searches, erase=forgetting.erase_searches)
VALUES = Holding(name="values of incidents", count=forgetting.count_values, erase=forgetting.erase_values)

ALERTS = Belongings(name="alerts", forget=forgetting.forget_organisation)

register(SEARCHES, VALUES, ALERTS)

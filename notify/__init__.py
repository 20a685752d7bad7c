"""Who is told, and how: channels of an organisation, notices, their deliveries and what sends them."""

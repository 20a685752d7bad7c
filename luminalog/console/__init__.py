"""What staff see that belongs to no single room: the admin's site, its start page, an organisation's page."""

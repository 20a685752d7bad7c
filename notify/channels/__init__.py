"""What a delivery looks like, one file a kind of channel: e-mail, webhook; a Slack message would be one more."""

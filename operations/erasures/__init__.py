"""Erasing what an organisation's data protection request names, and scrubbing what is stored: asked, counted, done."""

"""The public pages: what this is, the API's documentation, and the catalogue of its errors."""

"""The cellar: what every room may use and no room owns. It knows libraries and settings, never a room."""

"""Pages of the console that belong to no single room."""

from luminalog.console import organisation, privacy_trial
from luminalog.console.sending import page as sending

__all__ = ["organisation", "privacy_trial", "sending"]  # Django looks for pages here

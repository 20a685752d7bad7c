"""The application of MCP's process, patient."""

from luminalog.mcp import application as application
from tests.patience import be_patient

be_patient()

"""The web process's application, patient."""

from luminalog.rsgi import application as application
from tests.patience import be_patient

be_patient()

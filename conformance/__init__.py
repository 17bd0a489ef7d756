"""Conformance harness for multisite high availability of NFV clouds."""

import os
from importlib.metadata import version

# Before anything imports numpy, whose OpenBLAS starts a thread per core as it is loaded: a process with threads cannot
# move into the namespaces of a lab, and no matrix here is large enough to gain by them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = version("multisite-ha")

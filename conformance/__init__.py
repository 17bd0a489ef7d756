"""Conformance harness for multisite high availability of NFV clouds."""

from importlib.metadata import version

__version__ = version("multisite-ha")

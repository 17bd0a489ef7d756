"""`python -m conformance` is `multisite-ha`."""

from conformance.cli import main

main()

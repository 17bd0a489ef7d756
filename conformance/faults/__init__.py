"""Faults: one file each; every one is injected, shown to have bitten, healed, and shown to be healed."""

"""Showing that something is not slower: what to measure in which order, how often, and what follows from it.

Nothing here knows of records or verdicts. Modules that need numpy or scipy are imported where they are used, never by
the package itself: importing both takes a second.
"""

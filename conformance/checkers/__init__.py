"""Checkers: pure functions from the stored record of a scenario to a verdict. They never see a cloud, a
file or a clock."""

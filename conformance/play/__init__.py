"""One scenario carried out: prepare, load, disturb, observe, heal, save. Its records say everything that it did.

A play never judges by itself: the Then sentences are judged from the stored record by conformance.judge.
"""

from conformance.play.play import Play

__all__ = ["Play"]

"""What all tests share: this folder is importable (``import builders``), and generated tests are never timed.

Their examples are the same ones each time, so that what a change broke is told from what a new example has found: to
look for such, ``tox -e explore``.
"""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "other-examples", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=False
)
settings.register_profile("same-examples", settings.get_profile("other-examples"), derandomize=True)
settings.load_profile("same-examples")

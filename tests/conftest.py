"""What all tests share: this folder is importable (``import builders``), and generated tests are never timed."""

from hypothesis import HealthCheck, settings

settings.register_profile("shared-cores", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared-cores")

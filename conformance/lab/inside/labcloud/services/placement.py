"""Placement."""


def application(site):
    """Return placement's API."""
    from placement.wsgi import init_application

    return init_application()

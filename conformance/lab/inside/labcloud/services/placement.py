"""Placement."""


def application(site):
    from placement.wsgi import init_application

    return init_application()

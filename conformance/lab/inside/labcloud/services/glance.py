"""Images."""


def application(site):
    """Return glance's API."""
    from glance.common import wsgi_app

    return wsgi_app.init_app()

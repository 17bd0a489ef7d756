"""Identity."""


def application(site):
    """Return keystone's API."""
    from keystone.server.wsgi import initialize_public_application

    return initialize_public_application()

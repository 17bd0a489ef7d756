"""Identity."""


def application(site):
    from keystone.server.wsgi import initialize_public_application

    return initialize_public_application()

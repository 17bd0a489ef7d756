"""Images."""


def application(site):
    from glance.common import wsgi_app

    return wsgi_app.init_app()

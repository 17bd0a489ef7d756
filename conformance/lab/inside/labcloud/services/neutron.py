"""Networks."""


def application(site):
    """Return neutron's API, workers included."""
    from neutron import server
    from neutron.server import api

    from labcloud import patches

    patches.nobody_to_notify()
    return server.boot_server(api.api_server, prog="neutron-api")

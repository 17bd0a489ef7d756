"""What runs inside the OpenStack environment of the lab.

Stand-alone: the standard library and OpenStack only, nothing of the harness. Every process of a site has the site's
directory as its working directory and finds there ``site.json`` (see ``labcloud.site``).
"""

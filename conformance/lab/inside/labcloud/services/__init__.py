"""One module per OpenStack project; each has ``application(site)``, which starts the workers and returns the WSGI app."""

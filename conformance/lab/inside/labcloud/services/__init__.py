"""One module per OpenStack project. Each has ``application(site)``: start the workers, return the WSGI application."""

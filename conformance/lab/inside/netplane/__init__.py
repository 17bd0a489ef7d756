"""The lab's data plane: what Neutron's API says about networks, made of network namespaces, bridges and nftables.

Stand-alone: the standard library, `ip` of iproute2 and libnftables. Imports nothing of the harness or of OpenStack.
"""

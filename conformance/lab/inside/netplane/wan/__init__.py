"""The WAN between the lab's sites: packets of any protocol, passed on or disturbed. Standard library only."""

"""A VNF: its blueprint, and deploying it at a site."""

from conformance.vnf.blueprint import Blueprint
from conformance.vnf.deploy import begin, deploy
from conformance.vnf.deployment import Deployment, Endpoint, Guest
from conformance.vnf.guests import ask_guest, ask_guests, serving
from conformance.vnf.library import load_blueprint
from conformance.vnf.needs import check_programs, fetch_packages
from conformance.vnf.ready import DeployError, await_ready
from conformance.vnf.stretched import begin_stretched

__all__ = [
    "Blueprint",
    "DeployError",
    "Deployment",
    "Endpoint",
    "Guest",
    "ask_guest",
    "ask_guests",
    "await_ready",
    "begin",
    "begin_stretched",
    "check_programs",
    "deploy",
    "fetch_packages",
    "load_blueprint",
    "serving",
]

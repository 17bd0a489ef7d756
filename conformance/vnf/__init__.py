"""A VNF: its blueprint, and deploying it at a site."""

from conformance.vnf.blueprint import Blueprint
from conformance.vnf.deploy import begin, deploy
from conformance.vnf.deployment import Deployment, Endpoint, Guest
from conformance.vnf.guests import ask_guest, ask_guests, serving
from conformance.vnf.library import load_blueprint
from conformance.vnf.ready import DeployError, await_ready

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
    "deploy",
    "load_blueprint",
    "serving",
]

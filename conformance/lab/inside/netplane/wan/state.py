"""The impairments in force, on disk: a forwarder that is started again goes on with the same faults."""

from __future__ import annotations

import json
import os

from netplane.wan.impairments import NONE, BadRequest
from netplane.wan.wan import Wan


def save(wan: Wan, path: str) -> None:
    """Write what is not the default; the file is replaced in one step."""
    directions = {
        p.name: {name: value for name, value in vars(p.impairments).items() if value != getattr(NONE, name)}
        for p in wan.paths
        if p.impairments != NONE
    }
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        json.dump({"seed": wan.seed, "directions": directions}, file)
    os.replace(f"{path}.new", path)


def load(wan: Wan, path: str) -> None:
    """Go on where a predecessor was, if there was one. BadRequest if the file is not what ``save`` writes; it may
    name sites that are gone, which are left out."""
    try:
        with open(path, encoding="utf-8") as file:
            saved = json.load(file)
        directions, seed = dict(saved["directions"]), saved["seed"]
    except FileNotFoundError:
        return
    except (ValueError, KeyError, TypeError) as error:
        raise BadRequest(f"{path} should hold a forwarder's impairments; remove it to start without any.") from error
    known = {p.name for p in wan.paths}
    wan.change({name: given for name, given in directions.items() if name in known}, seed)

"""hookframe-routing: an ordered table of rules, of which the first that matches decides."""

from __future__ import annotations

from hookframe_routing.plugin import Routing
from hookframe_routing.problems import RoutingError

__all__ = ["Routing", "RoutingError"]

"""Plugins called in order, within deadlines, and folded into one decision."""

from hookframe.chain.chain import Chain as Chain

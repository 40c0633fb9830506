"""Plugins called in order, within deadlines, and their votes folded into one decision."""

from hookframe.chain.chain import Chain as Chain

"""`hookframe.toml` as one frozen value, or as the list of all its mistakes."""

from hookframe.config.model import Config as Config

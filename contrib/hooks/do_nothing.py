"""Change nothing: the simplest hook there is."""


def pre_delivery_attempt():
    return {"action": "normal"}

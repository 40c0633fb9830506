"""Count the domains of one provider as one, so that its limits hold for all of them together.

Why: a provider receives for many domains on the same servers, and counts what you send to all of
    them. Limits by domain let through as many times too much.
Does: has the MTA apply its routing rules and limits as if the mail was for the provider's main
    domain. The mail itself still goes to the recipient's domain.
Reads: `recipient`; no file.
Costs: one look-up in a table an attempt.
Edit: `PROVIDERS`.
"""

PROVIDERS = {
    "gmail.com": ["googlemail.com"],
    "outlook.com": ["hotmail.com", "hotmail.co.uk", "hotmail.fr", "live.com", "msn.com"],
    "yahoo.com": ["yahoo.co.uk", "yahoo.fr", "ymail.com", "aol.com"],
}
"""the other domains of a provider, in lower case, by its main one"""

MAIN = {domain: main for main, domains in PROVIDERS.items() for domain in domains}

hookframe_pure = True


def domain_of(address):
    """Give the domain as the table has it: in lower case, with no dot at its end."""
    _, at, domain = address.rpartition("@")
    return domain.lower().removesuffix(".") if at else ""


def pre_delivery_attempt(attempt):
    domain = domain_of(attempt["recipient"])
    main = MAIN.get(domain)
    if main is None:
        return None
    reason = f"{domain} is {main}'s"
    return {"action": "normal", "deliver_as_if_to_domain": main, "reason": reason}

"""group_domains.py: the domains of a provider count as one."""

import pytest

NORMAL = {"action": "normal"}
AS_MAIN = {"action": "normal", "deliver_as_if_to_domain": "main.example"}


@pytest.fixture
def policy(chain, edited):
    """The hook, with one provider."""
    return chain(
        edited("group_domains", PROVIDERS='{"main.example": ["other.example", "third.example"]}')
    )


@pytest.mark.parametrize("domain", ["other.example", "third.example"])
def test_another_domain_of_the_provider_counts_as_its_main_one(policy, addresses_at, domain):
    for recipient in addresses_at(domain):
        policy.assert_decision(AS_MAIN, recipient=recipient)


def test_the_main_domain_and_all_others_stay_what_they_are(policy, addresses_not_at):
    for recipient in ("jane@main.example", *addresses_not_at("other.example")):
        policy.assert_decision(NORMAL, recipient=recipient)


@pytest.mark.parametrize(
    ("recipient", "main"),
    [("jane@googlemail.com", "gmail.com"), ("jane@hotmail.fr", "outlook.com")],
)
def test_it_comes_with_the_large_providers(chain, edited, recipient, main):
    decision = chain(edited("group_domains")).decide(recipient=recipient)
    assert decision["deliver_as_if_to_domain"] == main

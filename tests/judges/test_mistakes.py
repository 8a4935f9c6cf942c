"""None of the mistakes that an expert would catch, and each of them would be caught."""

import pytest
from judged import GENERATED, each_environment, objects
from mutations import MUTATIONS, mutated
from rules_release import RULES

FULL = GENERATED / "support-assistant" / "production"


@pytest.mark.parametrize("environment", each_environment())
@pytest.mark.parametrize("rule", RULES)
def test_mistake_is_not_made(rule, environment):
    assert RULES[rule](objects(environment)) == []


@pytest.mark.parametrize(
    ("rule", "target", "place", "wrong"), MUTATIONS, ids=[f"{row[0]}-{row[2]}" for row in MUTATIONS]
)
def test_mistake_would_be_caught(rule, target, place, wrong):
    assert RULES[rule](mutated(objects(FULL), target, place, wrong))


def test_every_rule_has_been_seen_to_speak():
    assert {row[0] for row in MUTATIONS} == set(RULES)

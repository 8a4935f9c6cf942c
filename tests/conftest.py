"""One switch: `pytest --update` writes expected outputs anew instead of comparing them."""

import pytest
from hypothesis import settings

# Machines differ in speed, and no test is about it.
settings.register_profile("llmspec", deadline=None)
settings.load_profile("llmspec")


def pytest_addoption(parser):
    parser.addoption("--update", action="store_true", help="write tests/cases/*/expected.txt anew")


@pytest.fixture
def is_update(request):
    return request.config.getoption("--update")

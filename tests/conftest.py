"""One switch: `pytest --update` writes expected outputs anew instead of comparing them."""

import pytest


def pytest_addoption(parser):
    parser.addoption("--update", action="store_true", help="write tests/cases/*/expected.txt anew")


@pytest.fixture
def is_update(request):
    return request.config.getoption("--update")

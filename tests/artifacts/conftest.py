import pytest
from trees import OLD, unsupported

from llmspec.artifacts import exchange
from llmspec.artifacts.write import write


@pytest.fixture(params=["exchange", "two renames"])
def folder(request, tmp_path, monkeypatch):
    """A written tree, alone in its folder; once as the kernel does it, once where the kernel cannot."""
    if request.param == "two renames":
        monkeypatch.setattr(exchange, "exchange", unsupported)
    folder = tmp_path / "out" / "chat"
    write(OLD, folder)
    return folder

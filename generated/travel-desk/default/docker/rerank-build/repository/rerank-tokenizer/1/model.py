"""Triton's model in front of a network: texts in, the integers that the network reads out.

Its config.pbtxt says the rest. One input is the texts; two are pairs, in that order. The outputs are some of TENSORS.
Parameter `tokenizer` is the path of a tokenizer.json, `lengths` the sequence lengths to pad to, ascending: each request
gets the least that holds its longest text, so that few shapes reach the network and its batcher can join requests.
A text longer than the last of them is cut.
"""

from __future__ import annotations

import json

import numpy as np
import triton_python_backend_utils as pb_utils
from tokenizers import Tokenizer

TENSORS = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
"""What each output is called by the tokenizer."""
PADS = ("[PAD]", "<pad>", "<|pad|>", "<|endoftext|>")
"""Names of the token to pad with, for a tokenizer.json that does not say."""


class TritonPythonModel:
    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        parameters = {name: value["string_value"] for name, value in config["parameters"].items()}
        self.inputs = [each["name"] for each in config["input"]]
        self.outputs = {each["name"]: pb_utils.triton_string_to_numpy(each["data_type"]) for each in config["output"]}
        self.lengths = [int(length) for length in parameters["lengths"].split(",")]
        self.tokenizer = Tokenizer.from_file(parameters["tokenizer"])
        self.padding = padding(self.tokenizer)
        cut = self.tokenizer.truncation or {}
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(self.lengths[-1], direction=cut.get("direction", "right"))

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        return [self.answer(request) for request in requests]

    def answer(self, request: pb_utils.InferenceRequest) -> pb_utils.InferenceResponse:
        """The response to one request. What is wrong with it fails no other request of the batch."""
        try:
            return pb_utils.InferenceResponse(self.tensors(self.rows(request)))
        except Exception as error:  # noqa: BLE001 (the tokenizer raises nothing narrower)
            return pb_utils.InferenceResponse(
                error=pb_utils.TritonError(f"{error}", pb_utils.TritonError.INVALID_ARG),
            )

    def rows(self, request: pb_utils.InferenceRequest) -> list[str] | list[tuple[str, str]]:
        """The texts of a request, or its pairs of texts."""
        columns = [
            [text.decode() for text in pb_utils.get_input_tensor_by_name(request, name).as_numpy().ravel()]
            for name in self.inputs
        ]
        if not columns[0]:
            raise ValueError("the request has no text")
        return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))

    def tensors(self, rows: list[str] | list[tuple[str, str]]) -> list[pb_utils.Tensor]:
        encodings = self.tokenizer.encode_batch(rows)
        longest = max(map(len, encodings))
        length = next(each for each in self.lengths if each >= longest)
        for encoding in encodings:
            encoding.pad(length, **self.padding)
        return [
            pb_utils.Tensor(name, np.array([getattr(each, TENSORS[name]) for each in encodings], dtype))
            for name, dtype in self.outputs.items()
        ]


def padding(tokenizer: Tokenizer) -> dict[str, int | str]:
    """What to pad with and on which side."""
    if told := tokenizer.padding:
        return {key: told[key] for key in ("direction", "pad_id", "pad_type_id", "pad_token")}
    token = next((each for each in PADS if tokenizer.token_to_id(each) is not None), None)
    return {"pad_id": tokenizer.token_to_id(token), "pad_token": token} if token else {}

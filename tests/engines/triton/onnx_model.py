"""Stands in for the TensorRT backend: a model of Triton's python backend that runs an ONNX graph on the CPU.

Like it, it runs the requests that the batcher joined as one batch, whose shapes therefore have to be equal.
"""

import json

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    def initialize(self, args):
        config = json.loads(args["model_config"])
        self.inputs = [each["name"] for each in config["input"]]
        self.outputs = [each["name"] for each in config["output"]]
        self.session = onnxruntime.InferenceSession(config["parameters"]["graph"]["string_value"])

    def execute(self, requests):
        feed = {
            name: np.concatenate([pb_utils.get_input_tensor_by_name(each, name).as_numpy() for each in requests])
            for name in self.inputs
        }
        rows = [len(pb_utils.get_input_tensor_by_name(each, self.inputs[0]).as_numpy()) for each in requests]
        results = [np.split(each, np.cumsum(rows)[:-1]) for each in self.session.run(self.outputs, feed)]
        return [
            pb_utils.InferenceResponse([pb_utils.Tensor(*each) for each in zip(self.outputs, parts, strict=True)])
            for parts in zip(*results, strict=True)
        ]

"""Networks as files: what an ONNX graph takes and gives. The only room that imports onnx."""

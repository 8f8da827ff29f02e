"""Models as ONNX files: written, and run by onnxruntime."""

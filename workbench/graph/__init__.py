"""Networks as graphs of operators, the ONNX reader, and builders of known architectures."""

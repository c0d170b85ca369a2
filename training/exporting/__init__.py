"""PyTorch to ONNX, half precision, the whole graph, the model card."""

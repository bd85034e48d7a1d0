from .export import export_litert as export_litert
from .export import export_onnx as export_onnx
from .model_file import ModelFileError as ModelFileError
from .model_file import load_model as load_model
from .model_file import save_model as save_model
from .onnx_classifier import OnnxClassifier as OnnxClassifier
from .streaming import StreamedAnswer as StreamedAnswer
from .streaming import StreamingClassifier as StreamingClassifier

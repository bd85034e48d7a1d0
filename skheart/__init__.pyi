from . import audio as audio
from . import datasets as datasets
from . import deployment as deployment
from . import inspection as inspection
from . import metrics as metrics
from . import neural as neural
from . import pretrained as pretrained
from . import report as report
from . import segmentation as segmentation
from . import spectrogram as spectrogram
from .audio import RecordingError as RecordingError
from .audio import read_recording as read_recording
from .deployment import ModelFileError as ModelFileError
from .deployment import OnnxClassifier as OnnxClassifier
from .deployment import StreamedAnswer as StreamedAnswer
from .deployment import StreamingClassifier as StreamingClassifier
from .deployment import export_litert as export_litert
from .deployment import export_onnx as export_onnx
from .deployment import load_model as load_model
from .deployment import save_model as save_model
from .inspection import SpectrogramDisplay as SpectrogramDisplay
from .inspection import save_spectrogram_images as save_spectrogram_images
from .neural import CNNClassifier as CNNClassifier
from .pretrained import load_pretrained as load_pretrained
from .spectrogram import SpectrogramTransformer as SpectrogramTransformer
from .spectrogram import log_mel_spectrogram as log_mel_spectrogram

__version__: str

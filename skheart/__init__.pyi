from . import audio as audio
from . import cache as cache
from . import datasets as datasets
from . import display as display
from . import layers as layers
from . import losses as losses
from . import metrics as metrics
from . import networks as networks
from . import persistence as persistence
from . import pretrained as pretrained
from . import spectrogram as spectrogram
from .audio import RecordingError as RecordingError
from .audio import read_recording as read_recording
from .classifier import CNNClassifier as CNNClassifier
from .display import SpectrogramDisplay as SpectrogramDisplay
from .display import save_spectrogram_images as save_spectrogram_images
from .persistence import ModelFileError as ModelFileError
from .persistence import load_model as load_model
from .persistence import save_model as save_model
from .pretrained import load_pretrained as load_pretrained
from .spectrogram import SpectrogramTransformer as SpectrogramTransformer
from .spectrogram import log_mel_spectrogram as log_mel_spectrogram

__version__: str

from .displays import SpectrogramDisplay as SpectrogramDisplay
from .images import save_spectrogram_images as save_spectrogram_images

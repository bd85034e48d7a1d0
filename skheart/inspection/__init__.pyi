from .displays import SpectrogramDisplay as SpectrogramDisplay
from .displays import save_spectrogram_images as save_spectrogram_images

from .cache import CacheContents as CacheContents
from .cache import CachedSpectrograms as CachedSpectrograms
from .cache import CacheError as CacheError
from .cache import SpectrogramCache as SpectrogramCache
from .transformer import SpectrogramTransformer as SpectrogramTransformer
from .transformer import log_mel_spectrogram as log_mel_spectrogram

from .cache import CacheContents as CacheContents
from .cache import CacheError as CacheError
from .cache import SpectrogramCache as SpectrogramCache
from .function import log_mel_spectrogram as log_mel_spectrogram
from .lazy import CachedSpectrograms as CachedSpectrograms
from .transformer import SpectrogramTransformer as SpectrogramTransformer

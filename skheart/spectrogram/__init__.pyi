from .cache import CacheContents as CacheContents
from .cache import CacheError as CacheError
from .cache import SpectrogramCache as SpectrogramCache
from .lazy import CachedSpectrograms as CachedSpectrograms
from .log_mel import log_mel_spectrogram as log_mel_spectrogram
from .transformer import SpectrogramTransformer as SpectrogramTransformer

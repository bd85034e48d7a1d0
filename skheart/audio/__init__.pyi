from .reading import RecordingError as RecordingError
from .reading import check_waveform as check_waveform
from .reading import read_recording as read_recording
from .reading import resample as resample

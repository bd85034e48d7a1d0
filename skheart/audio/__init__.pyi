from .reading import read_recording as read_recording
from .waveform import RecordingError as RecordingError
from .waveform import check_waveform as check_waveform
from .waveform import resample as resample

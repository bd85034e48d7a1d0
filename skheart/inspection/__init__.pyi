from .average_beat_display import AverageBeatDisplay as AverageBeatDisplay
from .bands import BandContributions as BandContributions
from .bands import band_contributions as band_contributions
from .contribution_displays import ContributionDisplay as ContributionDisplay
from .contribution_displays import OcclusionDisplay as OcclusionDisplay
from .contributions import Contributions as Contributions
from .contributions import frame_contributions as frame_contributions
from .displays import SpectrogramDisplay as SpectrogramDisplay
from .images import save_spectrogram_images as save_spectrogram_images
from .occlusion import OcclusionMap as OcclusionMap
from .occlusion import occlusion_map as occlusion_map
from .patient_displays import (
    CalibrationByPatientDisplay as CalibrationByPatientDisplay,
)
from .patient_displays import PatientRocDisplay as PatientRocDisplay
from .phases import phase_contributions as phase_contributions
from .training_display import TrainingDisplay as TrainingDisplay

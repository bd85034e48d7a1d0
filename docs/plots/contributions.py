"""Two simulated murmurs: spectrogram, contributions to the logit, occlusion map."""

from matplotlib import pyplot as plt

from skheart import SpectrogramDisplay, load_pretrained
from skheart.datasets import make_heart_sounds
from skheart.inspection import ContributionDisplay, OcclusionDisplay
from skheart.segmentation import load_segmenter

sounds = make_heart_sounds(
    1,
    classes="murmur",
    murmurs="holosystolic",
    murmur_level=-14.0,
    noise=-25.0,
    duration=5.0,
    heart_rate=60.0,
    random_state=1,
)
recording = sounds.data[0]
model = load_pretrained("murmur")
(segmentation,) = load_segmenter().predict([recording])

figure, axes = plt.subplots(3, figsize=(11, 7.5), sharex=True, layout="constrained")
SpectrogramDisplay.from_recording(recording).plot(axes[0])
ContributionDisplay.from_estimator(model, recording, segmentation=segmentation).plot(
    axes[1]
)
OcclusionDisplay.from_estimator(model, recording, time_step=0.05).plot(axes[2])
for ax in axes[:-1]:
    ax.set_xlabel("")
axes[0].set_xlim(0, 5)

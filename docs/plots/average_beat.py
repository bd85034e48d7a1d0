"""The average beat without a murmur, with a systolic and with a diastolic one."""

from matplotlib import pyplot as plt

from skheart.datasets import make_heart_sounds
from skheart.inspection import AverageBeatDisplay

kinds = {
    "no murmur": {"classes": "normal"},
    "systolic murmur": {"classes": "murmur", "murmurs": "mid-systolic"},
    "diastolic murmur": {"classes": "murmur", "murmurs": "early-diastolic"},
}
figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), sharey=True, layout="constrained")
for ax, (name, kind) in zip(axes, kinds.items(), strict=True):
    sounds = make_heart_sounds(
        1,
        **kind,
        murmur_level=-14.0,
        noise=-25.0,
        duration=15.0,
        heart_rate=65.0,
        random_state=2,
    )
    AverageBeatDisplay.from_recording(sounds.data[0], name=name).plot(ax)
for ax in axes[1:]:
    ax.set_ylabel("")
low = min(ax.get_ylim()[0] for ax in axes)
axes[0].set_ylim(low, max(ax.get_ylim()[1] for ax in axes))

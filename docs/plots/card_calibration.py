"""How often the pretrained models are right, by probability, for other patients."""

from matplotlib import pyplot as plt

from skheart.pretrained import model_card

murmur, abnormal = model_card("murmur"), model_card("abnormal")
panels = [
    ("recordings", murmur.calibration),
    ("patients", murmur.patient_calibration),
    ("recordings", abnormal.calibration),
]
figure, axes = plt.subplots(1, 3, figsize=(11, 4), layout="constrained", sharey=True)
for ax, (unit, calibration) in zip(axes, panels, strict=True):
    bins = calibration["bins"]
    share = [one["share"] for one in bins]
    below = [one["share"] - one["low"] for one in bins]
    above = [one["high"] - one["share"] for one in bins]
    prevalence = calibration["prevalence"]
    p = [one["probability"] for one in bins]
    # The probabilities of the models hold where both classes are equally common.
    grid = [i / 200 for i in range(201)]
    expected = [
        prevalence * x / (prevalence * x + (1 - prevalence) * (1 - x)) for x in grid
    ]
    ax.plot(grid, expected, color="0.6", label="if every probability is true")
    ax.errorbar(p, share, yerr=[below, above], fmt="o", color="tab:blue", label="bins")
    ax.set(
        title=f"{calibration['positive']} in {prevalence:.0%} of {unit}",
        xlabel="Probability of the model",
        xlim=(0, 1),
        ylim=(0, 1),
    )
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("Share that is positive, 95 % interval")
axes[0].legend(frameon=False)

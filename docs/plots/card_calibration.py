"""How often the pretrained models are right, by probability, for other patients."""

from matplotlib import pyplot as plt

from skheart.pretrained import model_card

figure, axes = plt.subplots(1, 2, figsize=(9, 4.2), layout="constrained", sharey=True)
for ax, name in zip(axes, ("murmur", "abnormal"), strict=True):
    calibration = model_card(name).calibration
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
        title=f"{name}: {calibration['positive']} in {prevalence:.0%} of recordings",
        xlabel="Probability of the model",
        xlim=(0, 1),
        ylim=(0, 1),
    )
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("Share that is positive, 95 % interval")
axes[0].legend(frameon=False)

"""Every task: skheart and the simple methods, with intervals."""

import json
from pathlib import Path
from textwrap import fill

from matplotlib import pyplot as plt

for root in (Path.cwd(), *Path.cwd().parents):
    path = root / "benchmarks" / "results" / "accuracy.json"
    if path.exists():
        break
results = json.loads(path.read_text(encoding="utf-8"))["figures"]

methods = {
    "energy": ("Energy + logistic regression", "tab:brown"),
    "mfcc": ("MFCC + logistic regression", "tab:olive"),
    "minirocket": ("MiniRocket + ridge", "tab:cyan"),
    "skheart": ("skheart", "tab:red"),
}
tasks = [task for task, row in results["skheart"].items() if row.get("low")]
figure, axes = plt.subplots(figsize=(9, 7), layout="constrained")
for number, (method, (title, colour)) in enumerate(methods.items()):
    known = [place for place, task in enumerate(tasks) if task in results[method]]
    rows = [results[method][tasks[place]] for place in known]
    places = [place + 0.15 * (number - 1.5) for place in known]
    value = [row["value"] for row in rows]
    low = [max(0, row["value"] - row["low"]) for row in rows]
    high = [max(0, row["high"] - row["value"]) for row in rows]
    style = {"fmt": "o", "markersize": 5, "color": colour, "label": title}
    axes.errorbar(value, places, xerr=[low, high], **style)
rows = [results["skheart"][task] for task in tasks]
labels = [fill(f"{row['task']}: {row['score']}", 42) for row in rows]
axes.set_yticks(range(len(tasks)), labels)
axes.invert_yaxis()
axes.set(xlim=(0.4, 1.0), xlabel="Score of patients not seen, with 95 % interval")
axes.grid(axis="x", alpha=0.3)
figure.legend(frameon=False, loc="outside lower center", ncols=4)
axes.spines[["top", "right", "left"]].set_visible(False)

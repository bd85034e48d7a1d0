"""Train the pretrained models of the package.

    python benchmarks/train_pretrained.py DATA_HOME

DATA_HOME contains the folders pascal, cinc2016 and circor2022 of the three corpora.
Finished networks are stored in the folder --work, so that an interrupted run resumes
with the next one. On the same machine, the same seeds result in the same weights.

The figures on the cards come from benchmarks/results/accuracy.json, which
benchmarks/accuracy.py writes. They were measured with the same settings on networks
trained on four fifths of the patients. The networks in the package are trained on all
patients.

With --cards, only the cards are written again, without any training.

With --quick, a model is trained on two fifths of the patients for eight epochs. This
checks in some minutes that the program works. It needs --output, because otherwise it
would replace the models of the package.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from _corpora import HEADS, Corpora, read_corpora, spectrograms
from _cut import saved
from _joint import trained
from _packaging import write_description, write_network
from _recipes import MODELS, SPECTROGRAM, Model

from skheart.datasets import CORPUS_INFO
from skheart.neural.packaged_networks import FOLDER, read_description, read_network
from skheart.neural.threads import limit_threads

RESULTS = Path(__file__).parent / "results" / "accuracy.json"
PATIENTS = RESULTS.with_name("patient_model.json")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_home", help="folder with the three corpora")
    parser.add_argument("--work", type=Path, default=Path("build/accuracy"))
    parser.add_argument("--output", type=Path, default=FOLDER)
    parser.add_argument("--only", nargs="+", choices=sorted(MODELS), default=None)
    parser.add_argument("--quick", action="store_true", help="fewer patients, epochs")
    parser.add_argument("--cards", action="store_true", help="only write the cards")
    parser.add_argument("--threads", type=int, default=None)
    options = parser.parse_args()
    limit_threads(options.threads)

    if options.quick and options.output == FOLDER:
        parser.error("--quick needs --output: it must not replace the package's models")
    corpora = read_corpora(options.data_home)
    if options.quick:
        corpora = corpora.take(np.flatnonzero(np.isin(corpora.fold, (1, 2))))
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if options.cards:
        for name in options.only or MODELS:
            write_card(name, corpora, results, folder=options.output)
        return
    X = spectrograms(corpora, options.work, **SPECTROGRAM)
    for name in options.only or MODELS:
        model = MODELS[name]
        if options.quick:
            recipes = (replace(model.recipes[0], epochs=8),)
            model = replace(model, recipes=recipes, seeds=model.seeds[:1])
        rows = np.flatnonzero(np.isin(corpora.corpus, model.recipes[0].corpora))
        networks = [
            trained(X, corpora, rows, recipe, seed=seed, folder=options.work)[0]
            for recipe, seed in model.members
        ]
        # All patients of the joint training count as seen, also those of other heads.
        network = saved(
            networks,
            model.head,
            name=name,
            recipe=model.recipes[0],
            settings=SPECTROGRAM,
            scaling=scaling_of(name, results),
            corpora=corpora.take(rows),
        )
        n_parameters = sum(int(weight.size) for weight in network.network.weights)
        network.card.update(
            card(name, model, corpora, results),
            n_parameters=n_parameters,
            training=training(model),
        )
        if name == "murmur3":
            # Its patient model was fitted on networks of the same kind.
            decision = read_network(name).network.decision
            stored = replace(network.network, decision=decision)
            network = replace(
                network, network=stored, card=with_patient_model(network.card)
            )
        write_network(network, folder=options.output)
        size = (options.output / f"{name}.npz").stat().st_size
        print(f"{name}: {n_parameters} weights, {size / 1e6:.2f} MB", flush=True)


def write_card(
    name: str, corpora: Corpora, results: dict[str, Any], *, folder: Path
) -> None:
    """Write only the card of a model, from the results and _recipes.py."""
    description = read_description(name, folder=folder)
    new = {**description["card"], **card(name, MODELS[name], corpora, results)}
    description["card"] = with_patient_model(new) if name == "murmur3" else new
    write_description(name, description, folder=folder)


def scaling_of(name: str, results: dict[str, Any]) -> tuple[float, float]:
    """Return the slope and intercept that make the probabilities of a model true."""
    measured = results.get("calibration", {}).get(name)
    return (measured["slope"], measured["intercept"]) if measured else (1.0, 0.0)


def card(
    name: str,
    model: Model,
    corpora: Corpora,
    results: dict[str, Any],
) -> dict[str, Any]:
    """Return what the card tells about the data, the figures and the limits."""
    known = corpora.codes[model.head] >= 0
    data = []
    for corpus in np.unique(corpora.corpus[known]).tolist():
        rows = known & (corpora.corpus == corpus)
        codes = corpora.codes[model.head][rows]
        part = corpora.take(np.flatnonzero(rows))
        _, first = np.unique(part.group, return_index=True)
        data.append(
            {
                "corpus": CORPUS_INFO[corpus].title,
                "recordings": int(rows.sum()),
                "patients": len(np.unique(corpora.group[rows])),
                "labels": {
                    label: int((codes == code).sum())
                    for code, label in enumerate(HEADS[model.head])
                    if (codes == code).any()
                },
                "ages": counts(part.age[first]),
                "sexes": counts(part.sex[first]),
                "locations": counts(part.location),
            }
        )
    keys = ("task", "score", "mean", "sd", "value", "low", "high", "parts")
    measured = results.get("figures", {}).get("skheart", {})
    figures = [
        {key: measured[task].get(key) for key in keys}
        for task in model.tasks
        if task in measured
    ]
    return {
        "summary": model.summary,
        "data": data,
        "use": model.use,
        "split": (
            "networks trained in the same way on four fifths of the patients and "
            "tested on the others, five times; no patient is on both sides; 95 % "
            "intervals by bootstrap over patients. The shipped network was trained on "
            "all patients."
        ),
        "figures": figures,
        **{
            key: results.get(key, {}).get(name)
            for key in ("calibration", "patient_calibration", "operating_point")
        },
        "limits": list(model.limits),
        "licence": (
            "recordings of CirCor DigiScope and CinC 2016 under ODC-By 1.0, PASCAL for "
            "research use; the weights as skheart itself, BSD-3-Clause, as far as the "
            "licences of the recordings allow"
        ),
    }


def training(model: Model) -> str:
    """Return the sentence of a card about the training of the network."""
    recipe = model.recipes[0]
    epochs = " and ".join(str(recipe.epochs) for recipe in model.recipes)
    mean = f", mean of {len(model.members)} networks" if len(model.members) > 1 else ""
    names = ", ".join(CORPUS_INFO[corpus].title for corpus in recipe.corpora)
    return (
        f"benchmarks/train_pretrained.py, seeds {', '.join(map(str, model.seeds))}; "
        f"{epochs} epochs of {recipe.network}{mean}, one trunk for {names}; "
        f"Keras {keras.__version__}"
    )


def counts(words: np.ndarray) -> dict[str, int]:
    """Return how often each word occurs, the most frequent first."""
    found, times = np.unique(words, return_counts=True)
    order = np.argsort(-times, kind="stable")
    return {str(found[i]): int(times[i]) for i in order}


def with_patient_model(card: dict[str, Any]) -> dict[str, Any]:
    """Return the card of murmur3 with the figures of its patient model."""
    model = MODELS["murmur3"]
    results = json.loads(PATIENTS.read_text())["figures"]
    figures = [row for row in card["figures"] if "patient model" not in row["task"]]
    row = results["model"]
    keys = ("score", "mean", "sd", "value", "low", "high")
    task = f"{row['task']}, patient model"
    figures.append({"task": task, **{key: row[key] for key in keys}, "parts": None})
    texts = {"use": model.use, "limits": list(model.limits)}
    return {**card, **texts, "figures": figures}


if __name__ == "__main__":
    main()

"""One network for all corpora: shared layers, and the logits of each head."""

from __future__ import annotations

import hashlib
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from _corpora import HEADS, STATES, Corpora
from _shift import add_noise, mix_styles, vary_response

from skheart._core.files import atomic_path
from skheart.datasets import read_segmentation
from skheart.neural.batches import augment
from skheart.neural.graphs import Forward
from skheart.neural.networks import build_network
from skheart.neural.seeds import with_seeds
from skheart.neural.training import make_optimizer
from skheart.neural.windows import windowed_logits

# Columns of the logits of each head: one for two classes, otherwise one per class.
COLUMNS: dict[str, slice] = {}
_first = 0
for _head, _names in HEADS.items():
    _width = 1 if len(_names) == 2 else len(_names)
    COLUMNS[_head] = slice(_first, _first + _width)
    _first += _width
N_LOGITS = _first

_CHALLENGE_WEIGHTS = (1, 5, 3)  # Absent, Present, Unknown in the 2022 challenge


@dataclass(frozen=True)
class Recipe:
    """The settings of a training. All settings that were tried are recipes.

    Attributes
    ----------
    network, crop_frames, epochs, batch_size, learning_rate, weight_decay, dropout
        Parameters of :class:`skheart.CNNClassifier`.
    augment : float
        Strength of the augmentation.
    cinc_augment : float or None
        Strength for CinC 2016; None means `augment`.
    inaudible : bool
        Whether recordings in which a patient's murmur is inaudible count as Present in
        the head "murmur3".
    stretch : float
        Playback rates of crops are drawn from 1 / (1 + stretch) to 1 + stretch.
    mixup : float
        Parameter of the beta distribution of the shares of two mixed recordings.
    segmentation : float
        Weight of the loss for the phases of the beat, which CirCor annotates.
    corpora, heads : tuple of str
        The corpora that are used, and the heads that are trained.
    cinc_evenness : float
        With 0, all recordings of CinC 2016 are drawn equally often; with 1, all classes
        of all of its databases.
    balanced_in : {"database", "corpus"}
        Where the classes of CinC 2016 have the same total weight.
    wide_abnormal : bool
        Whether the head "abnormal" also learns from other corpora: murmurs as abnormal,
        hearts without a murmur as normal.
    mix_styles, response, noise : float
        Share of the recordings of all corpora that get the statistics of another
        database, the response of another device, or noise (see `_shift`).
    """

    network: Any = "compact"
    crop_frames: int = 250
    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    dropout: float = 0.3
    augment: float = 0.5
    cinc_augment: float | None = None
    inaudible: bool = False
    stretch: float = 0.0
    mixup: float = 0.0
    segmentation: float = 0.0
    corpora: tuple[str, ...] = ("circor2022", "cinc2016", "pascal")
    heads: tuple[str, ...] = tuple(HEADS)
    cinc_evenness: float = 0.5
    balanced_in: str = "database"
    wide_abnormal: bool = False
    mix_styles: float = 0.0
    response: float = 0.0
    noise: float = 0.0


def described(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as plain data."""
    settings = asdict(recipe)
    if callable(recipe.network):
        settings["network"] = recipe.network.__name__
    return settings


class JointBatches(keras.utils.PyDataset):
    """Batches from all corpora, with targets and weights for each head."""

    def __init__(
        self,
        X: np.ndarray,
        corpora: Corpora,
        recipe: Recipe,
        *,
        seed: int,
        n_states: int = 0,
        soft: np.ndarray | None = None,
    ) -> None:
        # With one worker, Keras uses a tf.data pipeline that waits up to ten seconds at
        # the end of each epoch.
        super().__init__(workers=2)
        self.X, self.recipe, self.seed = X, recipe, seed
        self.targets, self.weights = _targets(corpora, recipe)
        if soft is not None:  # half the label, half what the teachers say
            self.targets = (self.targets + soft) / 2
        self.share = _shares(corpora, recipe)
        self.place = np.char.add(corpora.corpus, corpora.part)
        # CirCor's parts are locations of one device.
        self.place[corpora.corpus == "circor2022"] = "circor2022"
        self.plain = (corpora.corpus == "cinc2016") & (recipe.cinc_augment is not None)
        self.n_batches = -(-round(self.share.sum()) // recipe.batch_size)
        self.n_states = n_states
        self.states = None
        if n_states:
            self.states = phases(corpora, X.shape[2])
        self.epoch = 0
        self.batches = self._draw()

    def __len__(self) -> int:
        return self.n_batches

    def on_epoch_end(self) -> None:
        """Draw the batches of the next epoch."""
        self.epoch += 1
        self.batches = self._draw()

    def _draw(self) -> list[np.ndarray]:
        # A recording with a share of 1.4 is drawn once, and in 40 % of the epochs a
        # second time.
        random = np.random.default_rng([self.seed, self.epoch, 0])
        times = np.floor(self.share + random.random(len(self.share))).astype(int)
        rows = random.permutation(np.repeat(np.arange(len(self.share)), times))
        return np.array_split(rows, self.n_batches)

    def __getitem__(self, index: int) -> tuple[np.ndarray, Any]:
        recipe = self.recipe
        rows = self.batches[index]
        random = np.random.default_rng([self.seed, self.epoch, index + 1])
        # A stretched crop covers more or fewer frames, and is resampled to n_crop.
        n_crop, widest = recipe.crop_frames, recipe.crop_frames
        if recipe.stretch:
            widest = min(int(n_crop * (1 + recipe.stretch)) + 1, self.X.shape[2])
        starts = random.integers(0, self.X.shape[2] - widest + 1, len(rows))
        if recipe.stretch:
            rates = np.exp(random.uniform(-1, 1, len(rows)) * np.log1p(recipe.stretch))
            rates = np.minimum(rates, widest / n_crop)
        else:
            rates = np.ones(len(rows))
        X = np.empty((len(rows), self.X.shape[1], n_crop, 1), dtype=np.float32)
        steps = np.arange(n_crop)
        for i, (row, start, rate) in enumerate(zip(rows, starts, rates, strict=True)):
            X[i, :, :, 0] = self.X[row][:, start + (steps * rate).astype(int)]
        plain = self.plain[rows]
        if recipe.augment and not plain.all():
            X[~plain] = augment(X[~plain], recipe.augment, random)
        if recipe.cinc_augment and plain.any():
            X[plain] = augment(X[plain], recipe.cinc_augment, random)
        if recipe.noise:
            add_noise(X, recipe.noise, random)
        if recipe.response:
            vary_response(X, recipe.response, random)
        if recipe.mix_styles:
            mix_styles(X, self.place[rows], recipe.mix_styles, random)
        targets, weights = self.targets[rows], self.weights[rows]
        states = None
        if self.states is not None:
            edges = np.linspace(0, n_crop, self.n_states + 1).astype(int)
            states = np.zeros((len(rows), self.n_states, len(STATES)), np.float32)
            for i, (row, start, rate) in enumerate(
                zip(rows, starts, rates, strict=True)
            ):
                part = self.states[row][start + (steps * rate).astype(int)]
                onehot = part[:, np.newaxis] == np.arange(1, len(STATES) + 1)
                states[i] = np.add.reduceat(onehot, edges[:-1], axis=0)
                states[i] /= np.diff(edges)[:, np.newaxis]
        if recipe.mixup:
            share = random.beta(recipe.mixup, recipe.mixup, len(rows))
            share = np.maximum(share, 1 - share).astype(np.float32)
            other = random.permutation(len(rows))
            X = _mixed(X, X[other], share)
            mass = share[:, np.newaxis] * weights
            other_mass = (1 - share)[:, np.newaxis] * weights[other]
            weights = mass + other_mass
            of_head = _spread(mass / np.maximum(weights, 1e-9))
            targets = of_head * targets + (1 - of_head) * targets[other]
            if states is not None:
                states = _mixed(states, states[other], share)
        packed = np.concatenate([targets, _spread(weights)], axis=1)
        return X, (packed if states is None else (packed, states))


def _mixed(one: np.ndarray, other: np.ndarray, share: np.ndarray) -> np.ndarray:
    share = share.reshape(-1, *(1,) * (one.ndim - 1))
    return share * one + (1 - share) * other


def _spread(of_heads: np.ndarray) -> np.ndarray:
    """Repeat the value of each head for all of its columns."""
    widths = [columns.stop - columns.start for columns in COLUMNS.values()]
    return np.repeat(of_heads, widths, axis=1)


def _targets(corpora: Corpora, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """Return targets, (n, N_LOGITS), and weights, (n, n_heads), of the recordings.

    For each head and corpus, all classes have the same total weight; for "murmur3",
    they have the weights of the challenge's score.
    """
    n = len(corpora)
    targets = np.zeros((n, N_LOGITS), np.float32)
    weights = np.zeros((n, len(HEADS)), np.float32)
    share = _shares(corpora, recipe)
    for number, (head, names) in enumerate(HEADS.items()):
        codes = corpora.codes[head]
        if head == "murmur3" and recipe.inaudible:
            codes = np.where(corpora.word == "Inaudible", names.index("Present"), codes)
        if head == "abnormal" and recipe.wide_abnormal:
            codes = _wide_abnormal(corpora)
        known = codes >= 0
        rows = np.flatnonzero(known)
        columns = COLUMNS[head]
        if len(names) == 2:
            targets[rows, columns.start] = codes[rows]
        else:
            targets[rows, columns.start + codes[rows]] = 1
        if head not in recipe.heads:
            continue
        places = corpora.corpus
        if recipe.balanced_in == "database":
            places = np.where(places == "cinc2016", corpora.part, places)
        for place in np.unique(places[rows]):
            here = known & (places == place) & (share > 0)
            mass = share[here].sum()
            for code in range(len(names)):
                chosen = here & (codes == code)
                if chosen.any() and head == "murmur3":
                    weights[chosen, number] = _CHALLENGE_WEIGHTS[code]
                elif chosen.any():
                    weights[chosen, number] = 1 / share[chosen].sum()
            total = (weights[here, number] * share[here]).sum()
            if total:
                weights[here, number] *= mass / total
    # Otherwise a class of one or two recordings could dominate all others.
    return targets, np.minimum(weights, 8.0)


def _wide_abnormal(corpora: Corpora) -> np.ndarray:
    """Return the codes of "abnormal", extended to the murmurs of other corpora."""
    codes = corpora.codes["abnormal"].copy()
    murmur = corpora.codes["murmur"]
    codes[murmur == 0] = 0
    codes[(murmur == 1) & (corpora.codes["outcome"] != 0)] = 1
    return codes


def _shares(corpora: Corpora, recipe: Recipe) -> np.ndarray:
    """Return how often each recording is drawn in an epoch, on average."""
    share = np.isin(corpora.corpus, recipe.corpora).astype(float)
    cinc = corpora.corpus == "cinc2016"
    if cinc.any() and recipe.cinc_evenness:
        # This makes the sizes of databases and of their classes more similar.
        cells = np.char.add(corpora.part, corpora.word)
        _, cell, count = np.unique(cells[cinc], return_inverse=True, return_counts=True)
        weight = count[cell] ** -recipe.cinc_evenness
        share[cinc] *= weight * cinc.sum() / weight.sum()
    return share


def phases(corpora: Corpora, n_frames: int, hop: float = 0.02) -> np.ndarray:
    """Return the phase of the beat in each frame; 0 if unknown."""
    states = np.zeros((len(corpora), n_frames), np.int8)
    for row, path in enumerate(corpora.segmentation):
        if not path:
            continue
        start, end, state = read_segmentation(path)
        for first, last, phase in zip(start, end, state, strict=True):
            if phase in STATES:
                states[row, round(first / hop) : round(last / hop)] = (
                    STATES.index(phase) + 1
                )
    return states


def _loss(packed: Any, logits: Any) -> Any:
    """Return the weighted sum of the cross-entropies of all heads."""
    targets, weights = packed[:, :N_LOGITS], packed[:, N_LOGITS:]
    total = 0.0
    for head, names in HEADS.items():
        columns = COLUMNS[head]
        target, logit = targets[:, columns], logits[:, columns]
        if len(names) == 2:
            loss = tf.nn.sigmoid_cross_entropy_with_logits(target, logit)[:, 0]
        else:
            loss = tf.nn.softmax_cross_entropy_with_logits(target, logit)
        total += weights[:, columns.start] * loss
    return total


def _states_loss(states: Any, logits: Any) -> Any:
    # TensorFlow's gradient of softmax is correct only for shares with the sum 1, so
    # frames without a known phase get the weight 0.
    known = tf.reduce_sum(states, axis=-1)
    share = states / tf.maximum(known, 1e-6)[..., tf.newaxis]
    return known * tf.nn.softmax_cross_entropy_with_logits(share, logits)


def network(n_bands: int, recipe: Recipe) -> keras.Model:
    """Build the network of a recipe, with the logits of all heads."""
    return build_network(
        recipe.network,
        n_bands=n_bands,
        n_frames=recipe.crop_frames,
        n_channels=1,
        n_outputs=N_LOGITS,
        dropout=recipe.dropout,
        l2=0.0,
    )


def train(
    X: np.ndarray,
    corpora: Corpora,
    recipe: Recipe,
    *,
    seed: int,
    soft: np.ndarray | None = None,
) -> keras.Model:
    """Train a network with the logits of all heads.

    Parameters
    ----------
    X : ndarray of shape (n, n_bands, n_frames)
    corpora : Corpora
    recipe : Recipe
    seed : int
    soft : ndarray of shape (n, N_LOGITS), default=None
        Probabilities by teachers, which are averaged with the labels.

    Returns
    -------
    model : keras.Model
        From (n, n_bands, crop_frames, 1) to (n, N_LOGITS).
    """
    model = trained = with_seeds(network(X.shape[1], recipe), seed)
    losses, weights, n_states = _loss, None, 0
    if recipe.segmentation:
        names = [layer.name for layer in model.layers]
        source = model.get_layer("states" if "states" in names else "frames")
        frames = source.output
        n_states = frames.shape[1]
        start = keras.initializers.GlorotUniform(seed=seed)
        phase = keras.layers.Dense(len(STATES), name="phase", kernel_initializer=start)
        trained = keras.Model(model.inputs, [model.outputs[0], phase(frames)])
        losses = [losses, _states_loss]
        weights = [1.0, recipe.segmentation]
    batches = JointBatches(X, corpora, recipe, seed=seed, n_states=n_states, soft=soft)
    n_steps = recipe.epochs * len(batches)
    warm_up = round(0.1 * n_steps)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0,
        decay_steps=n_steps - warm_up,
        warmup_target=recipe.learning_rate,
        warmup_steps=warm_up,
    )
    optimizer = make_optimizer(
        "adamw", learning_rate=rate, weight_decay=recipe.weight_decay
    )
    trained.compile(
        optimizer=optimizer, loss=losses, loss_weights=weights, jit_compile=False
    )
    trained.fit(batches, epochs=recipe.epochs, shuffle=False, verbose=0)
    return model


def trained(
    X: np.ndarray,
    corpora: Corpora,
    rows: np.ndarray,
    recipe: Recipe,
    *,
    seed: int,
    folder: Path,
) -> tuple[keras.Model, str]:
    """Train on some rows, or read the weights that the same call has stored.

    Returns
    -------
    model : keras.Model
    key : str
        Hash of the recipe, the seed and the rows.
    """
    settings = sorted(described(recipe).items())
    key = repr((settings, seed, corpora.path[rows].tolist()))
    name = hashlib.sha256(key.encode()).hexdigest()[:16]
    path = folder / f"network-{name}.npz"
    if not path.exists():
        start = time.perf_counter()
        model = train(np.array(X[rows]), corpora.take(rows), recipe, seed=seed)
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary, open(temporary, "wb") as file:
            np.savez(file, *model.get_weights())
        print(
            f"trained on {len(rows)} recordings, seed {seed}: "
            f"{time.perf_counter() - start:.0f} s",
            flush=True,
        )
    # A new one, without the loss of the training, which Keras could not find again.
    model = network(X.shape[1], recipe)
    with np.load(path) as arrays:
        model.set_weights([arrays[part] for part in arrays.files])
    return model, name


def logits_of(model: keras.Model, X: np.ndarray, n_crop: int) -> np.ndarray:
    """Return the mean logits over windows, (n, N_LOGITS)."""
    forward = Forward(model)
    parts = [
        windowed_logits(
            forward, X[i : i + 64].astype(np.float32)[..., np.newaxis], n_crop
        )
        for i in range(0, len(X), 64)
    ]
    return np.concatenate(parts)

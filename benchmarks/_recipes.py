"""The selected settings, and the pretrained models made with them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from _joint import Recipe

# Parameters of the SpectrogramTransformer: its defaults, but 30 seconds, not 20.
SPECTROGRAM = {"duration": 30.0}

# One network for all models. It also learns the phases of the beat.
JOINT = Recipe(
    epochs=30,
    augment=1.0,
    cinc_augment=0.0,
    inaudible=True,
    segmentation=0.3,
)
SEEDS = (0,)


@dataclass(frozen=True)
class Model:
    """A pretrained model of the package.

    Attributes
    ----------
    head : str
        The head that it predicts.
    recipes : tuple of Recipe
    seeds : tuple of int
        Seeds of each recipe; the model is the mean of all these networks.
    tasks : tuple of str
        Tasks of the figures on its card; all of them belong to this head.
    summary, use : str
    limits : tuple of str
    """

    head: str
    recipes: tuple[Recipe, ...]
    seeds: tuple[int, ...]
    tasks: tuple[str, ...]
    summary: str
    use: str
    limits: tuple[str, ...]

    @property
    def members(self) -> tuple[tuple[Recipe, int], ...]:
        """The recipe and the seed of each network."""
        return tuple((recipe, seed) for recipe in self.recipes for seed in self.seeds)


_EVERY_LIMIT = (
    "for research; not a medical device, and no basis for a decision about a patient",
    "the probabilities hold where the classes are equally common",
)
_DIASTOLE = (
    "nearly all murmurs of the training are systolic: simulated murmurs in diastole "
    "alone are mostly missed"
)

MODELS: dict[str, Model] = {
    "murmur": Model(
        head="murmur",
        recipes=(JOINT,),
        seeds=SEEDS,
        tasks=(
            *("pascal_murmur_left_out", "circor_recording_left_out"),
            *("circor_recording", "circor_patient", "pascal_murmur"),
        ),
        summary="is there a murmur in the recording? (murmur, normal)",
        use=(
            "one recording: probability of murmur above 0.5, or a threshold chosen on "
            "recordings of your own; a patient: the maximum over the recordings "
            '(pool_by_group with how="max")'
        ),
        limits=(
            *_EVERY_LIMIT,
            "trained on children and pregnant women screened in Brazil and on two "
            "small PASCAL sets; few other adults",
            "an extra sound, an extrasystole or an artifact belongs to neither class",
            "a murmur that was not audible at that location was not part of the "
            "training",
            _DIASTOLE,
        ),
    ),
    "abnormal": Model(
        head="abnormal",
        recipes=(JOINT,),
        seeds=SEEDS,
        tasks=("cinc_left_out", "cinc_within", "cinc_mean_accuracy"),
        summary="is the recording abnormal, whatever the disease? (abnormal, normal)",
        use=(
            "one recording: probability of abnormal above 0.5, or a threshold chosen "
            "on recordings of your own"
        ),
        limits=(
            *_EVERY_LIMIT,
            "on recordings of another hospital, expect the figure of databases left "
            "out, because sensors and patients differ",
            "of databases known from the training, b (coronary disease) has the lowest "
            "figure; of databases left out, f",
        ),
    ),
    "murmur3": Model(
        head="murmur3",
        recipes=(JOINT,),
        seeds=SEEDS,
        tasks=("circor_weighted_accuracy",),
        summary="the murmur task of the 2022 challenge (Absent, Present, Unknown)",
        use=(
            "a patient: the answer of the patient model from all recordings of the "
            "patient (skheart.report.predict_patients, skheart predict --patients); "
            "its probabilities are calibrated, and the answer is the largest of 5 "
            "times Present, 3 times Unknown and Absent; without the patient model, the "
            "largest of the mean probability of Absent, the maximum of Present and the "
            'mean of Unknown (pool_by_group with how=("mean", "max", "mean"))'
        ),
        limits=(
            _EVERY_LIMIT[0],
            "in the probabilities of a recording, the classes have the weights 1, 5 "
            "and 3 (Absent, Present, Unknown), as in the challenge's weighted "
            "accuracy: it predicts Present too often",
            "Unknown is rare and learned poorly; the patient model recognises it "
            "partly by the number of recordings, which is specific to CirCor",
            _DIASTOLE,
        ),
    ),
    "pascal": Model(
        head="pascal",
        recipes=(JOINT,),
        seeds=SEEDS,
        tasks=("pascal_extrasystole",),
        summary=(
            "the PASCAL classes (artifact, extrahls, extrasystole, murmur, normal)"
        ),
        use="one recording: the most probable class",
        limits=(
            _EVERY_LIMIT[0],
            "the probabilities are not calibrated",
            "artifact and extrahls come from set a (a telephone) only, so that the "
            "model can recognise the device instead",
            "extrasystoles are few and are distinguished poorly",
        ),
    ),
}

# For fine-tuning on PASCAL: a network trained without it.
WITHOUT_PASCAL = replace(JOINT, corpora=("circor2022", "cinc2016"))

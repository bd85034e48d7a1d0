// An exported model with its sidecar: from a waveform to an answer.

import { resample } from "./resample.js";

const SHOWN = 5; // seconds of each part of the recording that is also classified alone

export class Model {
  // `ort` is ONNX Runtime, `session` holds the model, `notes` is its sidecar.
  constructor(ort, session, notes) {
    this.ort = ort;
    this.session = session;
    this.notes = notes;
  }

  // Return what is known about a recording; throw an Error with one sentence if it
  // cannot be classified.
  async describe(waveform, sampleRate) {
    const { sample_rate: rate, spectrogram } = this.notes;
    if (sampleRate < 2 * spectrogram.f_max) {
      throw new Error(
        `The recording has a sample rate of ${sampleRate} Hz; the model needs at least ` +
          `${2 * spectrogram.f_max} Hz.`,
      );
    }
    const resampled = resample(waveform, sampleRate, rate);
    const probabilities = await this.probabilities(resampled);
    return {
      duration: waveform.length / sampleRate,
      classes: this.notes.classes.map(String),
      probabilities,
      answer: decide(probabilities, this.notes),
      parts: await this.parts(resampled, rate),
    };
  }

  async probabilities(waveform) {
    const { input, output, bad_input: bad } = this.notes;
    const value = new this.ort.Tensor("float32", waveform, [waveform.length]);
    const results = await this.session.run({ [input.name]: value });
    const probabilities = Array.from(results[output.name].data);
    if (!probabilities.every(Number.isFinite)) {
      throw new Error(`The recording cannot be classified. ${bad}`);
    }
    return probabilities;
  }

  // Return the probabilities of parts of the recording, null where there are none.
  async parts(waveform, rate) {
    const found = [];
    for (let start = 0; start < waveform.length; start += SHOWN * rate) {
      const part = waveform.slice(start, start + SHOWN * rate);
      if (part.length < rate && start > 0) break; // the rest of a second
      const probabilities = await this.probabilities(part).catch(() => null);
      found.push({ start: start / rate, end: (start + part.length) / rate, probabilities });
    }
    return found;
  }
}

// Return the class by the rule of the sidecar, or "unsure" below its least confidence.
export function decide(probabilities, { classes, decision }) {
  const least = decision.min_confidence ?? 0;
  if (decision.threshold === null) {
    const highest = Math.max(...probabilities);
    return highest < least ? "unsure" : String(classes[probabilities.indexOf(highest)]);
  }
  const positive = classes.indexOf(decision.positive);
  const p = probabilities[positive];
  const t = decision.threshold;
  // The odds are divided by those of the threshold.
  const moved = (p * (1 - t)) / (p * (1 - t) + (1 - p) * t);
  if (Math.max(moved, 1 - moved) < least) return "unsure";
  return String(classes[p >= t ? positive : 1 - positive]);
}

// Run an exported ONNX model in JavaScript.
//
//     npm install
//     node classify.mjs murmur.onnx                  # compute the test vectors
//     node classify.mjs murmur.onnx recording.wav    # classify a recording
//
// In a browser, fetch the model and its sidecar, murmur.onnx.json, instead of reading
// them from the disk; the rest is the same.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-web";

// The sidecar of a model, and a function that runs the model.
async function load(path) {
  const content = readFileSync(path);
  const notes = JSON.parse(readFileSync(`${path}.json`, "utf8"));
  const digest = createHash("sha256").update(content).digest("hex");
  if (notes.format !== 1 || notes.sha256 !== digest) {
    throw new Error(`${path}.json does not belong to ${path}: export it again.`);
  }
  ort.env.wasm.numThreads = 1;
  const session = await ort.InferenceSession.create(new Uint8Array(content));
  const run = async (values, shape) => {
    const tensor = new ort.Tensor("float32", values, shape);
    const outputs = await session.run({ [notes.input.name]: tensor });
    return outputs[notes.output.name].data;
  };
  return { notes, run };
}

// The input of a test vector; the sidecar states the rule.
function inputOf({ seed, shape, period, burst, nan_at }) {
  const values = new Float32Array(shape.reduce((product, n) => product * n, 1));
  if (seed !== null) {
    let x = seed;
    for (let i = 0; i < values.length; i++) {
      x = (Math.imul(1664525, x) + 1013904223) >>> 0;
      values[i] = (x / 2147483648 - 1) * (i % period < burst ? 1 : 1 / 64);
    }
  }
  if (nan_at !== null) values[nan_at] = NaN;
  return values;
}

// Whether all outputs are as expected; null stands for NaN.
function matches(output, expected, tolerance) {
  return (
    output.length === expected.length &&
    expected.every((value, i) =>
      value === null ? Number.isNaN(output[i]) : Math.abs(output[i] - value) <= tolerance,
    )
  );
}

// The waveform in a WAV file of 16 bits and one channel, at the rate of the model.
function read(path, rate) {
  const file = readFileSync(path);
  let waveform = null;
  for (let place = 12; place + 8 <= file.length; ) {
    const name = file.toString("latin1", place, place + 4);
    const start = place + 8;
    const size = Math.min(file.readUInt32LE(place + 4), file.length - start);
    if (name === "fmt ") {
      const [kind, channels] = [file.readUInt16LE(start), file.readUInt16LE(start + 2)];
      const [hertz, bits] = [file.readUInt32LE(start + 4), file.readUInt16LE(start + 14)];
      if (kind !== 1 || channels !== 1 || bits !== 16 || hertz !== rate) {
        throw new Error(`${path}: expected 16 bits, mono, ${rate} Hz.`);
      }
    } else if (name === "data") {
      waveform = new Float32Array(size >> 1);
      for (let i = 0; i < waveform.length; i++) {
        waveform[i] = file.readInt16LE(start + 2 * i) / 32768;
      }
    }
    place = start + size + (size % 2);
  }
  if (waveform === null) throw new Error(`${path} is not a WAV file.`);
  return waveform;
}

// The class, or null if the recording cannot be classified.
function decide({ classes, decision }, probabilities) {
  if (probabilities.some(Number.isNaN)) return null;
  if (decision.threshold === null) {
    return classes[probabilities.indexOf(Math.max(...probabilities))];
  }
  const positive = classes.indexOf(decision.positive);
  return classes[probabilities[positive] >= decision.threshold ? positive : 1 - positive];
}

const [model, recording] = process.argv.slice(2);
const { notes, run } = await load(model);
if (recording === undefined) {
  const { vectors, tolerance } = notes.test_vectors;
  for (const vector of vectors) {
    const output = Array.from(await run(inputOf(vector), vector.shape));
    const same = matches(output, vector.expected, tolerance);
    console.log(same ? "as expected" : "WRONG", output);
    if (!same) process.exitCode = 1;
  }
} else {
  const waveform = read(recording, notes.sample_rate);
  const probabilities = Array.from(await run(waveform, [waveform.length]));
  console.log(JSON.stringify({ answer: decide(notes, probabilities), probabilities }));
  console.error(notes.notice);
}

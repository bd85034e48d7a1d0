import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as ort from "onnxruntime-web";

import { Model, decide } from "../src/model.js";
import { readWav } from "../src/wav.js";
import { expected } from "./expected.mjs";

const dist = new URL("../dist/", import.meta.url);
const notes = JSON.parse(readFileSync(new URL("model.json", dist), "utf8"));

async function opened() {
  ort.env.wasm.numThreads = 1;
  const content = readFileSync(new URL("model.onnx", dist));
  return new Model(ort, await ort.InferenceSession.create(content), notes);
}

// The values of a test vector, by the rule in the sidecar.
function inputOf({ seed, shape, period, burst, nan_at: nanAt }) {
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  let x = seed;
  for (let i = 0; seed !== null && i < values.length; i++) {
    x = Number((1664525n * BigInt(x) + 1013904223n) % 4294967296n);
    values[i] = (x / 2147483648 - 1) * (i % period < burst ? 1 : 1 / 64);
  }
  if (nanAt !== null) values[nanAt] = NaN;
  return values;
}

test("the test vectors of the sidecar", async () => {
  const model = await opened();
  const { tolerance, vectors } = notes.test_vectors;
  assert.ok(vectors.length > 0);
  for (const vector of vectors) {
    const value = new ort.Tensor("float32", inputOf(vector), vector.shape);
    const results = await model.session.run({ [notes.input.name]: value });
    Array.from(results[notes.output.name].data).forEach((found, i) => {
      const wanted = vector.expected[i];
      if (wanted === null) assert.ok(Number.isNaN(found));
      else assert.ok(Math.abs(found - wanted) <= tolerance, `${found}, ${wanted}`);
    });
  }
});

test("real recordings get the probabilities of skheart", { skip: expected.reason }, async () => {
  const model = await opened();
  assert.ok(expected.recordings.length >= 50);
  for (const { path, probabilities, prediction } of expected.recordings) {
    const file = readFileSync(path);
    const content = file.buffer.slice(file.byteOffset, file.byteOffset + file.length);
    const { waveform, sampleRate } = readWav(content);
    const answer = await model.describe(waveform, sampleRate);
    answer.probabilities.forEach((found, i) => {
      assert.ok(Math.abs(found - probabilities[i]) < 1e-3, `${path}: ${found}`);
    });
    if (Math.abs(probabilities[0] - 0.5) > 1e-3) assert.equal(answer.answer, prediction);
  }
});

test("silence, NaN and a low rate are errors", async () => {
  const model = await opened();
  const silent = new Float32Array(20000);
  await assert.rejects(model.describe(silent, 2000), /cannot be classified/);
  await assert.rejects(model.describe(silent.map(() => NaN), 2000), /cannot be classified/);
  await assert.rejects(model.describe(silent, 1000), /sample rate of 1000 Hz/);
});

test("a threshold decides", () => {
  const decision = { positive: "murmur", threshold: 0.2 };
  const rule = { classes: ["murmur", "normal"], decision };
  assert.equal(decide([0.2, 0.8], rule), "murmur");
  assert.equal(decide([0.19, 0.81], rule), "normal");
  rule.decision = { positive: null, threshold: null };
  assert.equal(decide([0.2, 0.8], rule), "normal");
});

test("an answer of low confidence is unsure", () => {
  const decision = { positive: "murmur", threshold: 0.2, min_confidence: 0.6 };
  const rule = { classes: ["murmur", "normal"], decision };
  assert.equal(decide([0.25, 0.75], rule), "unsure"); // odds 1.33, so 0.57
  assert.equal(decide([0.4, 0.6], rule), "murmur");
  assert.equal(decide([0.05, 0.95], rule), "normal");
  rule.decision = { positive: null, threshold: null, min_confidence: 0.9 };
  assert.equal(decide([0.2, 0.8], rule), "unsure");
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { resample } from "../src/resample.js";
import { expected } from "./expected.mjs";

function tone(frequency, rate, seconds) {
  const wave = new Float32Array(Math.round(rate * seconds));
  for (let i = 0; i < wave.length; i++) {
    wave[i] = Math.sin((2 * Math.PI * frequency * i) / rate);
  }
  return wave;
}

// Root mean square of the difference, without a tenth of a second at both ends.
function difference(one, other, rate) {
  const edge = Math.round(rate / 10);
  let sum = 0;
  let n = 0;
  for (let i = edge; i < Math.min(one.length, other.length) - edge; i++) {
    sum += (one[i] - other[i]) ** 2;
    n += 1;
  }
  return Math.sqrt(sum / n);
}

for (const rate of [44100, 48000, 8000, 4000, 1800]) {
  test(`a tone of 700 Hz keeps its values: ${rate} to 2000 Hz`, () => {
    const found = resample(tone(700, rate, 2), rate, 2000);
    assert.equal(found.length, 4000);
    assert.ok(difference(found, tone(700, 2000, 2), 2000) < 1e-3);
  });
}

test("a tone above half the new rate is removed", () => {
  const found = resample(tone(1300, 8000, 2), 8000, 2000);
  assert.ok(difference(found, new Float32Array(found.length), 2000) < 1e-4);
});

test("the same rate changes nothing", () => {
  const wave = tone(50, 2000, 1);
  assert.equal(resample(wave, 2000, 2000), wave);
});

test("one value stays one value", () => {
  assert.equal(resample(new Float32Array([0.5]), 44100, 2000).length, 1);
});

test("the waveforms are those of skheart", { skip: expected.reason }, () => {
  assert.ok(expected.resampled.length > 0);
  for (const { rate, new_rate: newRate, waveform, result } of expected.resampled) {
    const found = resample(Float32Array.from(waveform), rate, newRate);
    assert.ok(Math.abs(found.length - result.length) <= 1);
    const level = difference(result, new Float32Array(result.length), newRate);
    assert.ok(difference(found, result, newRate) < 0.01 * level, `${rate} Hz`);
  }
});

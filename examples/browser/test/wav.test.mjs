import assert from "node:assert/strict";
import { test } from "node:test";

import { readWav } from "../src/wav.js";

function wav({ kind = 1, bits = 16, channels = 1, rate = 4000, data, extra = 0 }) {
  const buffer = new ArrayBuffer(44 + data.byteLength);
  const view = new DataView(buffer);
  const write = (at, text) => [...text].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  write(0, "RIFF");
  view.setUint32(4, 36 + data.byteLength, true);
  write(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, kind, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, (rate * channels * bits) / 8, true);
  view.setUint16(32, (channels * bits) / 8, true);
  view.setUint16(34, bits, true);
  write(36, "data");
  view.setUint32(40, data.byteLength + extra, true);
  new Uint8Array(buffer).set(new Uint8Array(data.buffer), 44);
  return buffer;
}

test("16 bits at their own rate", () => {
  const { sampleRate, waveform } = readWav(wav({ data: new Int16Array([0, 16384, -32768]) }));
  assert.equal(sampleRate, 4000);
  assert.deepEqual([...waveform], [0, 0.5, -1]);
});

test("8, 24 and 32 bits, and floats", () => {
  const read = (settings) => [...readWav(wav(settings)).waveform];
  assert.deepEqual(read({ bits: 8, data: new Uint8Array([128, 192, 0]) }), [0, 0.5, -1]);
  const bytes = new Uint8Array([0, 0, 64, 0, 0, 128]);
  assert.deepEqual(read({ bits: 24, data: bytes }), [0.5, -1]);
  assert.deepEqual(read({ bits: 32, data: new Int32Array([1 << 30]) }), [0.5]);
  assert.deepEqual(read({ kind: 3, bits: 32, data: new Float32Array([0.25]) }), [0.25]);
});

test("channels are averaged", () => {
  const data = new Int16Array([16384, 0, -16384, -16384]);
  assert.deepEqual([...readWav(wav({ channels: 2, data })).waveform], [0.25, -0.5]);
});

test("a truncated file is an error", () => {
  const data = new Int16Array([1, 2, 3]);
  assert.throws(() => readWav(wav({ data, extra: 10 })), /truncated/);
});

test("other files are not WAV", () => {
  assert.equal(readWav(new ArrayBuffer(0)), null);
  assert.equal(readWav(new TextEncoder().encode("ID3 something else").buffer), null);
  assert.equal(readWav(wav({ kind: 85, data: new Int16Array([1]) })), null);
});

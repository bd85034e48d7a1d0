// Read WAV files at their own sample rate. Browsers would resample them to that of the
// loudspeaker first.

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;

const READERS = {
  [`${PCM} 8`]: (view, at) => (view.getUint8(at) - 128) / 128,
  [`${PCM} 16`]: (view, at) => view.getInt16(at, true) / 32768,
  [`${PCM} 24`]: (view, at) =>
    (view.getUint8(at) + view.getUint8(at + 1) * 256 + view.getInt8(at + 2) * 65536) /
    8388608,
  [`${PCM} 32`]: (view, at) => view.getInt32(at, true) / 2147483648,
  [`${FLOAT} 32`]: (view, at) => view.getFloat32(at, true),
  [`${FLOAT} 64`]: (view, at) => view.getFloat64(at, true),
};

function nameAt(view, at) {
  return String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at, 4));
}

// Return { sampleRate, waveform } of an ArrayBuffer, the mean of the channels; null if
// it is no WAV file of a kind that is known here. Throw if it is truncated.
export function readWav(content) {
  const view = new DataView(content);
  if (view.byteLength < 12) return null;
  if (nameAt(view, 0) !== "RIFF" || nameAt(view, 8) !== "WAVE") return null;
  let format = null;
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const name = nameAt(view, at);
    const size = view.getUint32(at + 4, true);
    const start = at + 8;
    if (name === "fmt " && size >= 16 && start + size <= view.byteLength) {
      let kind = view.getUint16(start, true);
      if (kind === EXTENSIBLE && size >= 26) kind = view.getUint16(start + 24, true);
      format = {
        channels: view.getUint16(start + 2, true),
        sampleRate: view.getUint32(start + 4, true),
        bits: view.getUint16(start + 14, true),
        kind,
      };
    } else if (name === "data") {
      return format && values(view, start, size, format);
    }
    at = start + size + (size % 2);
  }
  return null;
}

function values(view, start, size, { channels, sampleRate, bits, kind }) {
  const read = READERS[`${kind} ${bits}`];
  if (!read || channels === 0 || sampleRate === 0) return null;
  if (start + size > view.byteLength) {
    throw new Error("The recording is truncated: the file is shorter than it says.");
  }
  const step = bits / 8;
  const waveform = new Float32Array(Math.floor(size / (step * channels)));
  for (let i = 0; i < waveform.length; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += read(view, start + (i * channels + c) * step);
    waveform[i] = sum / channels;
  }
  return { sampleRate, waveform };
}

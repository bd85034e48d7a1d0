// Resample a waveform with a windowed sinc: a low-pass filter below half the lower of
// both rates, evaluated at the times of the new values.

const ZEROS = 48; // zero crossings of the sinc on each side
const PASS = 0.94; // cutoff as a share of half the lower rate
const BETA = 10; // of the Kaiser window: ripples below -100 dB

// Modified Bessel function of the first kind, order 0: the sum of its power series.
function bessel(x) {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

export function resample(waveform, rate, newRate) {
  if (rate === newRate) return waveform;
  const cutoff = PASS * Math.min(1, newRate / rate); // of half the rate
  const reach = ZEROS / cutoff; // in values of the waveform
  const table = kernel(cutoff, reach);
  const length = Math.max(1, Math.round((waveform.length * newRate) / rate));
  const result = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    const centre = (i * rate) / newRate;
    const first = Math.max(0, Math.ceil(centre - reach));
    const last = Math.min(waveform.length - 1, Math.floor(centre + reach));
    let sum = 0;
    for (let n = first; n <= last; n++) sum += waveform[n] * table(Math.abs(n - centre));
    result[i] = sum;
  }
  return result;
}

// Return the filter as a function of the distance, read from a fine table.
function kernel(cutoff, reach) {
  const perValue = 512;
  const size = Math.ceil(reach * perValue) + 2;
  const table = new Float64Array(size);
  const whole = bessel(BETA);
  for (let i = 0; i < size; i++) {
    const x = i / perValue;
    const inside = 1 - (x / reach) ** 2;
    if (inside < 0) continue;
    const phase = Math.PI * cutoff * x;
    const sinc = phase === 0 ? 1 : Math.sin(phase) / phase;
    table[i] = (cutoff * sinc * bessel(BETA * Math.sqrt(inside))) / whole;
  }
  return (distance) => {
    const place = distance * perValue;
    const i = Math.floor(place);
    return table[i] + (place - i) * (table[i + 1] - table[i]);
  };
}

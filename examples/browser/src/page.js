// The page: takes a file, shows the answer.

import { readWav } from "./wav.js";

const LARGEST = 100e6; // bytes
const LONGEST = 600; // seconds
const DECODED = 48000; // Hz, of files that the browser decodes

const byId = (id) => document.getElementById(id);
const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
let notes = null;
let number = 0; // of the latest recording: older answers are dropped
let shown = null; // { waveform, sampleRate, answer }

worker.addEventListener("message", ({ data }) => {
  if (data.kind === "ready") {
    notes = data.notes;
    say("Ready.");
    about();
  } else if (data.kind === "failed") {
    say(`The model cannot be loaded: ${data.message}`, true);
  } else if (data.number === number) {
    if (data.kind === "error") say(data.message, true);
    else show(data.answer);
  }
});
worker.addEventListener("error", () => say("The model cannot be started.", true));

byId("file").addEventListener("change", ({ target }) => take(target.files[0]));
const drop = byId("drop");
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", kind === "dragenter" || kind === "dragover");
    if (kind === "drop") take(event.dataTransfer.files[0]);
  });
}
addEventListener("resize", () => shown && draw());

async function take(file) {
  if (!file) return;
  number += 1;
  const own = number;
  byId("result").hidden = true;
  say(`Reading ${file.name} …`);
  try {
    const { waveform, sampleRate } = await decoded(file);
    if (own !== number) return;
    const duration = waveform.length / sampleRate;
    if (duration > LONGEST) {
      throw new Error(`The recording lasts ${Math.round(duration)} seconds, at most ` +
        `${LONGEST} can be read here.`);
    }
    shown = { name: file.name, waveform, sampleRate, answer: null };
    const player = byId("player");
    if (player.src) URL.revokeObjectURL(player.src);
    player.src = URL.createObjectURL(file);
    say("Classifying …");
    worker.postMessage({ number: own, waveform, sampleRate });
  } catch (error) {
    if (own === number) say(error.message, true);
  }
}

async function decoded(file) {
  if (file.size === 0) throw new Error(`${file.name} is an empty file.`);
  if (file.size > LARGEST) {
    throw new Error(`${file.name} is larger than ${LARGEST / 1e6} MB.`);
  }
  const content = await file.arrayBuffer();
  const own = readWav(content);
  if (own) return own;
  try {
    const context = new OfflineAudioContext(1, 1, DECODED);
    const buffer = await context.decodeAudioData(content);
    const waveform = new Float32Array(buffer.length);
    for (let c = 0; c < buffer.numberOfChannels; c++) {
      const channel = buffer.getChannelData(c);
      for (let i = 0; i < waveform.length; i++) {
        waveform[i] += channel[i] / buffer.numberOfChannels;
      }
    }
    return { waveform, sampleRate: buffer.sampleRate };
  } catch {
    throw new Error(`${file.name} is not a sound file that this browser can read.`);
  }
}

function say(text, isError = false) {
  byId("state").textContent = text;
  byId("state").classList.toggle("error", isError);
}

function about() {
  byId("summary").textContent = notes.card.summary;
  byId("limits").replaceChildren(...notes.card.limits.map((text) => item(text)));
  byId("notice").textContent = notes.notice;
  byId("about").hidden = false;
}

function item(text) {
  const element = document.createElement("li");
  element.textContent = text;
  return element;
}

function show(answer) {
  shown.answer = answer;
  byId("answer").textContent = `Most like: ${answer.answer}`;
  byId("file-name").textContent = `${shown.name}, ${answer.duration.toFixed(1)} s`;
  byId("bars").replaceChildren(...answer.classes.map((name, i) => {
    const row = item("");
    const label = document.createElement("span");
    const bar = document.createElement("progress");
    const value = document.createElement("span");
    label.textContent = name;
    bar.value = answer.probabilities[i];
    bar.setAttribute("aria-label", `Probability of ${name}`);
    value.textContent = answer.probabilities[i].toFixed(3);
    row.append(label, bar, value);
    return row;
  }));
  byId("result").hidden = false;
  draw();
  say("Done. The quality of the recording is not checked here.");
}

// Draw the waveform; each part has the colour of its own answer.
function draw() {
  const { waveform, sampleRate, answer } = shown;
  if (!answer) return;
  const canvas = byId("wave");
  const scale = devicePixelRatio || 1;
  canvas.width = canvas.clientWidth * scale;
  canvas.height = 160 * scale;
  const context = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name);
  const { width, height } = canvas;
  let peak = 1e-12;
  for (const value of waveform) peak = Math.max(peak, Math.abs(value));
  const positive = positiveClass();
  const perColumn = waveform.length / width;
  for (let x = 0; x < width; x++) {
    let low = 0;
    let high = 0;
    const last = Math.min(waveform.length, Math.ceil((x + 1) * perColumn));
    for (let i = Math.floor(x * perColumn); i < last; i++) {
      low = Math.min(low, waveform[i]);
      high = Math.max(high, waveform[i]);
    }
    const time = (x * perColumn) / sampleRate;
    const part = answer.parts.find(({ start, end }) => start <= time && time < end);
    const called = part?.probabilities && part.probabilities[positive] >= 0.5;
    context.fillStyle = colour(called ? "--high" : "--low");
    if (!part?.probabilities) context.fillStyle = colour("--line");
    const top = (height / 2) * (1 - high / peak);
    context.fillRect(x, top, 1, Math.max(1, ((high - low) / peak) * (height / 2)));
  }
  const name = answer.classes[positive];
  const parts = answer.parts.map(({ start, end, probabilities }) => {
    const text = probabilities ? probabilities[positive].toFixed(2) : "unknown";
    return `${start.toFixed(0)} to ${end.toFixed(0)} s: ${text}`;
  });
  byId("legend").textContent = `Probability of ${name} in each part: ${parts.join(", ")}.`;
  canvas.setAttribute("aria-label", `Waveform of ${shown.name}. ${byId("legend").textContent}`);
}

// Return the number of the class that the colours stand for.
function positiveClass() {
  const { classes, decision } = notes;
  if (decision.positive !== null) return classes.indexOf(decision.positive);
  const healthy = ["normal", "Absent", "Normal"];
  return Math.max(0, classes.findIndex((name) => !healthy.includes(name)));
}

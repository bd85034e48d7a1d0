// The worker that runs the model, so that the page stays responsive.

import * as ort from "./ort.wasm.min.mjs";
import { Model } from "./model.js";

ort.env.wasm.numThreads = 1; // more need headers that few static servers send
ort.env.wasm.wasmPaths = new URL("./", import.meta.url).href;

async function loaded() {
  const [content, notes] = await Promise.all([
    fetched("model.onnx").then((response) => response.arrayBuffer()),
    fetched("model.json").then((response) => response.json()),
  ]);
  const session = await ort.InferenceSession.create(content, {
    executionProviders: ["wasm"],
  });
  return new Model(ort, session, notes);
}

async function fetched(name) {
  const response = await fetch(new URL(name, import.meta.url));
  if (!response.ok) throw new Error(`${name} is missing on the server; build the page.`);
  return response;
}

const model = loaded();
model.then(
  ({ notes }) => postMessage({ kind: "ready", notes }),
  (error) => postMessage({ kind: "failed", message: error.message }),
);

addEventListener("message", async ({ data }) => {
  try {
    const answer = await (await model).describe(data.waveform, data.sampleRate);
    postMessage({ kind: "answer", number: data.number, answer });
  } catch (error) {
    postMessage({ kind: "error", number: data.number, message: error.message });
  }
});

// Put the page, ONNX Runtime and an exported model into the folder dist/.
//
//   npm run build                       exports the model "murmur" with skheart first
//   npm run build -- path/to/mine.onnx  takes a model that is already exported

import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const runtime = join(here, "node_modules", "onnxruntime-web", "dist");
const RUNTIME = [
  "ort.wasm.min.mjs",
  "ort-wasm-simd-threaded.mjs",
  "ort-wasm-simd-threaded.wasm",
];

function exported() {
  const model = join(here, "model", "murmur.onnx");
  if (!existsSync(model)) {
    mkdirSync(dirname(model), { recursive: true });
    const python = process.env.PYTHON ?? "python";
    const command = ["-m", "skheart", "export", "--model", "murmur", "--onnx", model];
    execFileSync(python, command, { stdio: "inherit" });
  }
  return model;
}

const model = process.argv[2] ?? exported();
if (!existsSync(`${model}.json`)) {
  console.error(`${model}.json is missing: skheart export writes it beside the model.`);
  process.exit(2);
}
rmSync(dist, { recursive: true, force: true });
cpSync(join(here, "src"), dist, { recursive: true });
for (const name of RUNTIME) copyFileSync(join(runtime, name), join(dist, name));
copyFileSync(model, join(dist, "model.onnx"));
copyFileSync(`${model}.json`, join(dist, "model.json"));
console.log(`Wrote ${dist}; "npm start" serves it on this computer.`);

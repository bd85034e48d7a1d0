// Drive the page in Chromium.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { chromium } from "playwright-core";

import { serve } from "../serve.mjs";
import { expected } from "./expected.mjs";

const browserPath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const skip =
  expected.reason ??
  (existsSync(browserPath) ? false : `There is no Chromium at ${browserPath}; set CHROMIUM`);
const shots = process.env.SCREENSHOTS;

let server;
let browser;

before(async () => {
  if (skip) return;
  server = await serve(0);
  browser = await chromium.launch({
    executablePath: browserPath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
});

after(async () => {
  await browser?.close();
  server?.close();
});

async function opened(size = { width: 1280, height: 900 }) {
  const page = await browser.newPage({ viewport: size });
  const complaints = [];
  const requests = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.getByText("Ready.").waitFor();
  return { page, complaints, requests };
}

test("a real recording is answered, and nothing leaves the device", { skip }, async () => {
  const { page, complaints, requests } = await opened();
  const { path, probabilities, prediction } = expected.recordings[0];
  await page.setInputFiles("#file", path);
  await page.getByText("Done.").waitFor();
  assert.equal(await page.locator("#answer").textContent(), `Most like: ${prediction}`);
  const shown = await page.locator("#bars li span:last-child").allTextContents();
  shown.forEach((text, i) => assert.ok(Math.abs(Number(text) - probabilities[i]) < 2e-3));
  assert.deepEqual(complaints, []);
  const own = `http://127.0.0.1:${server.address().port}/`;
  for (const url of requests) assert.ok(url.startsWith(own) || url.startsWith("blob:"), url);
  if (shots) await page.screenshot({ path: join(shots, "wide.png"), fullPage: true });
  await page.close();
});

test("on a phone nothing is wider than the screen", { skip }, async () => {
  const { page, complaints } = await opened({ width: 375, height: 700 });
  await page.setInputFiles("#file", expected.recordings.at(-1).path);
  await page.getByText("Done.").waitFor();
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= 375, `${width} pixels`);
  assert.deepEqual(complaints, []);
  if (shots) await page.screenshot({ path: join(shots, "phone.png"), fullPage: true });
  await page.close();
});

test("what is no recording gets one sentence", { skip }, async () => {
  const { page, complaints } = await opened();
  const files = [
    { name: "text.txt", mimeType: "text/plain", buffer: Buffer.from("no sound") },
    { name: "empty.wav", mimeType: "audio/wav", buffer: Buffer.alloc(0) },
  ];
  const sentences = [/text.txt is not a sound file/, /empty.wav is an empty file/];
  for (const [i, file] of files.entries()) {
    await page.setInputFiles("#file", file);
    await page.locator("#state.error").getByText(sentences[i]).waitFor();
    assert.ok(await page.locator("#result").isHidden());
  }
  await page.setInputFiles("#file", expected.recordings[0].path);
  await page.getByText("Done.").waitFor(); // and the next one is answered
  assert.deepEqual(complaints, []);
  await page.close();
});

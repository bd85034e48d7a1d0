// What skheart computes, from a file that tests/test_browser_example.py writes.

import { readFileSync } from "node:fs";

const path = process.env.SKHEART_EXPECTED;
export const expected = path
  ? JSON.parse(readFileSync(path, "utf8"))
  : { reason: "SKHEART_EXPECTED names no file; tests/test_browser_example.py writes it" };

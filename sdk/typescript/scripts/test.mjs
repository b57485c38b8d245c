// Builds the package and runs every check of it.

import { execFileSync } from "node:child_process";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
// npm puts node_modules/.bin first, where Node 18 lies for the tests.
const path = process.env.PATH.split(delimiter).filter((folder) => !folder.includes("node_modules"));
const env = { ...process.env, PATH: [dirname(process.execPath), ...path].join(delimiter) };

function node(title, program, ...args) {
  console.log(`--- ${title}`);
  try {
    execFileSync(process.execPath, [program, ...args], { cwd: ROOT, stdio: "inherit", env });
  } catch {
    console.error(`FAILED: ${title}`);
    process.exit(1);
  }
}

const tsc = "node_modules/typescript/bin/tsc";
node("build", "scripts/build.mjs");
node("types of docs/openapi.json", "node_modules/openapi-typescript/bin/cli.js", "../../docs/openapi.json", "-o", "test/types/openapi.d.ts");
node("types against docs/openapi.json", tsc, "-p", "test/types");
node("examples", tsc, "-p", "examples");
node("API reference", "node_modules/typedoc/bin/typedoc");
node("tests", "--test", "--test-concurrency=2", ...["runtimes", "compat", "package", "documentation"].map((name) => `test/${name}.test.js`));

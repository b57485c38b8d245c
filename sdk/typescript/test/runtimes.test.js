// The same suite in the oldest Node, in Deno, in Bun, and in a page of another origin.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { CASES } from "./suite/index.js";
import { control } from "./support/control.js";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const PROGRAM = join(ROOT, "test/support/program.js");
const LIMIT_MS = 150_000;

/** How each program is started, and how it says its version. */
const RUNTIMES = {
  "Node 18": { command: "node_modules/node/bin/node", args: [], version: /^v18\./ },
  Deno: { command: "node_modules/.bin/deno", args: ["run", "--no-lock", "--no-remote", "--allow-net=127.0.0.1"], version: /^deno 2\./ },
  Bun: { command: "node_modules/.bin/bun", args: ["run", "--no-install"], version: /^1\./ },
};

/** Runs a program to its end; resolves to what it printed. */
async function run(command, args) {
  const environment = Object.entries(process.env).filter(([name]) => !/^(LONGSHORE|NODE|npm)_/.test(name));
  const child = spawn(join(ROOT, command), args, {
    cwd: ROOT,
    env: { ...Object.fromEntries(environment), DENO_NO_UPDATE_CHECK: "1", DO_NOT_TRACK: "1" },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  const code = await new Promise((done, failed) => {
    child.once("error", failed);
    child.once("close", done);
  });
  assert.equal(code, 0, `${command}: ${code}\n${stdout.slice(-2000)}\n${stderr.slice(-2000)}`);
  return stdout;
}

/** Every case was run and passed. */
function passed(results) {
  assert.deepEqual(results.map((result) => result.name), CASES.map(([name]) => name));
  const failures = results.filter((result) => result.failure !== undefined);
  assert.equal(failures.length, 0, failures.map(({ name, failure }) => `${name}: ${failure}`).join("\n\n"));
}

for (const [name, { command, args, version }] of Object.entries(RUNTIMES)) {
  test(`the suite passes in ${name}`, async () => {
    assert.match(await run(command, ["--version"]), version);
    const { url, close } = await control();
    try {
      const stdout = await run(command, [...args, PROGRAM, url]);
      passed(JSON.parse(/^RESULTS (.*)$/m.exec(stdout)[1]));
    } finally {
      await close();
    }
  });
}

test("the suite passes in Chromium, in a page of another origin", async () => {
  const { url, close } = await control();
  const profile = await mkdtemp(join(tmpdir(), "longshore-chromium-"));
  let browser;
  try {
    browser = await chromium.launchPersistentContext(profile, {
      executablePath: process.env.CHROMIUM_BIN ?? "/usr/bin/chromium",
      headless: true,
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync"],
    });
    const page = await browser.newPage();
    await page.goto(`${url}/`);
    const results = await page.evaluate(async (url) => {
      const [sdk, { runAll }, { remote }] = await Promise.all(
        ["dist/esm/index.js", "test/suite/index.js", "test/support/remote.js"].map((path) => import(`${url}/${path}`)),
      );
      return runAll({ sdk, host: remote(url) });
    }, url);
    passed(results);

    // And from an origin that the server was not told of, the browser lets nothing through.
    const stranger = await control();
    try {
      const { api, key } = await stranger.host.start({ LONGSHORE_API_CORS_ORIGINS: "https://app.example.com" });
      const name = await page.evaluate(async ({ url, api, key }) => {
        const { SftpClient, ListUsersCommand } = await import(`${url}/dist/esm/index.js`);
        const client = new SftpClient({ endpoint: `${api}/2022-04-01`, apiKey: key, maxAttempts: 1 });
        return client.send(new ListUsersCommand({})).then(() => "answered", (error) => error.name);
      }, { url, api, key });
      assert.equal(name, "NetworkException");
    } finally {
      await stranger.close();
    }
  } finally {
    await browser?.close();
    await close();
    await rm(profile, { recursive: true, force: true });
  }
});

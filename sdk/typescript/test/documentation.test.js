// docs/users.md: each thing in curl, on the command line and with the SDK, run as it is written there.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { Server } from "../../../interop/sdk/harness/server.js";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const WHAT = ["Create", "List", "Read", "Update", "Delete"];
const PLACEHOLDER = "WL9F11A9";
let folder, server, env, sections;

before(async () => {
  server = await Server.start();
  folder = await mkdtemp(join(tmpdir(), "longshore-docs-"));
  await mkdir(join(folder, "node_modules/@longshore"), { recursive: true });
  await symlink(ROOT, join(folder, "node_modules/@longshore/sdk-client-sftp"));
  const binary = resolve(process.env.LONGSHORE_BIN ?? join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "../../target"), "debug/longshore"));
  env = {
    PATH: `${dirname(binary)}:${process.env.PATH}`,
    LONGSHORE_DATA_DIR: server.dataDir,
    LONGSHORE_ENDPOINT: `${server.api}/2022-04-01`,
  };
  const text = await readFile(join(ROOT, "../../docs/users.md"), "utf8");
  sections = text.split(/^## /m).map((section) => [section.split("\n")[0], ...section.matchAll(/^```\w+\n(.*?)^```$/gms)]);
  // The address in the page is the default one; the rest of that block is run.
  const setup = sections[0][1][1].replace(/^export LONGSHORE_ENDPOINT=.*\n/, "");
  env.LONGSHORE_API_KEY = (await shell(`${setup}echo "$LONGSHORE_API_KEY"`)).trim();
});
after(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const run = (command, ...args) => promisify(execFile)(command, args, { env, cwd: folder }).then(({ stdout }) => stdout);
const shell = (text) => run("bash", "-euo", "pipefail", "-c", text);
async function module(text) {
  await writeFile(join(folder, "program.mjs"), text);
  return run(process.execPath, "program.mjs");
}

test("the page has the three ways for each thing", () => {
  assert.deepEqual(sections.slice(1).map(([title, ...blocks]) => [title, blocks.length]), WHAT.map((what) => [what, 3]));
});

for (const [index, way] of ["curl", "command line", "SDK"].entries()) {
  test(`each thing by ${way}`, async () => {
    let username = PLACEHOLDER;
    const does = async (what) => {
      const text = sections[WHAT.indexOf(what) + 1][index + 1][1].replaceAll(PLACEHOLDER, username);
      return index === 2 ? module(text) : shell(text);
    };
    const created = await does("Create");
    username = /\b(?=[A-Z0-9]*[A-Z])[A-Z0-9]{8}\b/.exec(created)?.[0];
    assert.ok(username, created);
    assert.match(await does("List"), new RegExp(`${username}.*Trading partner Alice`, "s"));
    assert.match(await does("Read"), new RegExp(username));
    assert.match(await does("Update"), /Alice and Sons/);
    assert.match(await does("List"), new RegExp(`${username}.*Alice and Sons`, "s"));
    await does("Delete");
    assert.doesNotMatch(await does("List"), new RegExp(username));
  });
}

// Runs the examples against a server, as a reader would: with the placeholders filled in.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), "../../examples");

/** Names of all examples, in an order in which they can be run. */
export const EXAMPLES = ["create-user", "list-users", "read-user", "update-user", "send", "constructor", "destroy", "delete-user"];
assert.deepEqual(readdirSync(FOLDER).filter((name) => name.endsWith(".ts")).sort(), EXAMPLES.map((name) => `${name}.ts`).sort());

/** The text of an example. */
export function example(name) {
  return readFileSync(join(FOLDER, `${name}.ts`), "utf8");
}

/**
 * Runs all examples. `prepare(name, text)` puts one where it can run and resolves to the path of its program, a module
 * for Node; `text` has the user's name in it.
 */
export async function runExamples(server, prepare) {
  let username;
  const run = async (name) => {
    const filled = example(name)
      .replace("YOUR HOME DIRECTORY HERE", "/examples")
      .replace("YOUR DESCRIPTION HERE", name === "update-user" ? "Changed" : "An example")
      .replace(/YOUR USER ?NAME HERE/, username);
    const program = await prepare(name, filled);
    const env = { PATH: process.env.PATH, LONGSHORE_ENDPOINT: `${server.api}/2022-04-01`, STEDI_API_KEY: server.key };
    return (await promisify(execFile)(process.execPath, [program], { env })).stdout;
  };
  const created = await run("create-user");
  username = /username: '([A-Z0-9]{8})'/.exec(created)?.[1];
  assert.ok(username, created);
  assert.match(created, /password: '[A-Za-z0-9]{16}'/);
  assert.match(created, /homeDirectory: '\/examples'/);
  assert.match(await run("list-users"), new RegExp(`username: '${username}'`));
  assert.match(await run("read-user"), /description: 'An example'/);
  assert.match(await run("update-user"), /description: 'Changed'/);
  assert.equal(await run("send"), "Last connected at undefined.\n");
  assert.equal(await run("constructor"), "");
  assert.equal(await run("destroy"), "");
  assert.equal(await run("delete-user"), `Deleted the user with username ${username}.\n`);
  assert.equal(await run("send"), "The user doesn’t exist.\n");
}

// Rows 27–31 of the reference's edge cases: keys, paths, and a server that stops.

import assert from "node:assert/strict";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { isError, refused } from "../harness/expect.js";
import { SDKS, client, http, users } from "../harness/sdk.js";
import { Server } from "../harness/server.js";
import * as sftp from "../harness/sftp.js";

let server;
before(async () => (server = await Server.start()));
after(() => server?.stop());

const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];

test("row 27: without a good key there is 401 with a code", async () => {
  const { SftpClient } = SDKS["0.4.78"];
  const endpoint = `${server.api}/2022-04-01`;
  for (const options of [{}, { apiKey: "wrong" }, { apiKey: `${server.key}x` }, { token: { token: "x" } }]) {
    const stranger = users(new SftpClient({ region: "us", endpoint, ...options }));
    await refused(stranger.list(), 401, "UnauthorizedException");
    await refused(stranger.create({}), 401, "UnauthorizedException");
  }
  for (const authorization of ["Key", "Key ", "Bearer x", "Basic x", server.key]) {
    const answer = await http(server, "GET", "/2022-04-01/users", { key: null, headers: { authorization } });
    isError(answer, 401, "UnauthorizedException");
  }
  assert.equal((await users(client(server)).list()).$metadata.httpStatusCode, 200);
});

test("row 27: an unknown key takes as long as a wrong secret", async () => {
  const prefix = server.key.split(".")[0];
  const kinds = { none: null, unknown: `lsk_aaaaaaaaaaaa.${"A".repeat(32)}`, wrong: `${prefix}.${"A".repeat(32)}` };
  const times = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, []]));
  for (let round = 0; round < 60; round += 1) {
    for (const [kind, key] of Object.entries(kinds)) {
      const started = process.hrtime.bigint();
      await http(server, "GET", "/2022-04-01/users", { key });
      times[kind].push(Number(process.hrtime.bigint() - started));
    }
  }
  const medians = Object.values(times).map(median);
  // Wide, for busy machines: a password hash more or less would be a factor of ten.
  assert.ok(Math.max(...medians) < 3 * Math.min(...medians), JSON.stringify(medians));
});

test("row 28: an unknown path is told in JSON", async () => {
  for (const path of ["/2022-04-01/nothing", "/nothing", "/", "/2022-04-01/users/a/b"]) {
    isError(await http(server, "GET", path), 404, "UnknownOperationException");
  }
  const elsewhere = client(server, undefined, { endpoint: `${server.api}/2021-01-01` });
  await refused(users(elsewhere).list(), 404, "UnknownOperationException");
  const wrongMethod = await http(server, "PATCH", "/2022-04-01/users");
  isError(wrongMethod, 405, "UnknownOperationException");
  assert.match(wrongMethod.headers.allow, /GET/);
});

test("row 29: a server that stops answers 503 and a date to come again", async () => {
  const stopping = await Server.start();
  let session;
  try {
    const api = users(client(stopping, undefined, { maxAttempts: 1 }));
    const made = await api.create({ homeDirectory: "/a", description: "a" });
    const local = join(stopping.folder, "large.bin");
    await writeFile(local, Buffer.alloc(8 * 1024 * 1024, 1));
    // An upload in progress holds the end off.
    session = await sftp.start(stopping, made, [`put ${local} large.bin`], "-l", "8000");
    while (!("lastConnectedDate" in (await api.read(made.username)))) await sleep(20);
    await sleep(500);
    stopping.signal("SIGTERM");
    let answer;
    do {
      await sleep(10);
      answer = await http(stopping, "GET", "/2022-04-01/users");
    } while (answer.status === 200);
    isError(answer, 503, "ServiceUnavailableException");
    const wait = Date.parse(answer.headers["retry-after"]) - Date.now();
    assert.match(answer.headers["retry-after"], /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
    assert.ok(wait > -1000 && wait < 30_000, answer.headers["retry-after"]);
    await refused(api.list(), 503, "ServiceUnavailableException");
    assert.deepEqual(await stopping.ended, { code: 0, signal: null });
    const { size } = await stat(stopping.files(made.bucketName, "a", "large.bin"));
    assert.equal(size, 8 * 1024 * 1024, "the upload was let finish");
  } finally {
    session?.kill("SIGKILL");
    await stopping.stop();
  }
});

test("row 30: no path collapses onto the list", async () => {
  const api = users(client(server));
  for (const username of ["..", ".", "a/b", "a b", "%2e%2e", "!'()*", "../users"]) {
    await refused(api.read(username), 404, "ResourceNotFoundException");
    await refused(api.remove(username), 404, "ResourceNotFoundException");
  }
  for (const path of ["/users/..", "/users/%2e%2e", "/users/a%2Fb"]) {
    for (const base of ["", "/2022-04-01"]) {
      isError(await http(server, "GET", base + path), 404, "ResourceNotFoundException");
    }
  }
});

test("row 31: a slash at the end changes nothing", async () => {
  for (const base of ["", "/2022-04-01"]) {
    const list = await http(server, "GET", `${base}/users/`);
    assert.equal(list.status, 200);
    assert.deepEqual(JSON.parse(list.text), JSON.parse((await http(server, "GET", `${base}/users`)).text));
    const body = JSON.stringify({ homeDirectory: "/a", description: "a" });
    const made = await http(server, "POST", `${base}/users/`, { body });
    assert.equal(made.status, 201);
    const path = `${base}/users/${JSON.parse(made.text).username}/`;
    assert.equal((await http(server, "GET", path)).status, 200);
    assert.equal((await http(server, "DELETE", path)).status, 204);
  }
});

// Rows 14–21 of the reference's edge cases: one user, and what it does over SFTP.

import assert from "node:assert/strict";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { invalid, refused } from "../harness/expect.js";
import { client, users } from "../harness/sdk.js";
import { Server } from "../harness/server.js";
import * as sftp from "../harness/sftp.js";

let server, api;
before(async () => {
  server = await Server.start();
  api = users(client(server));
});
after(() => server?.stop());

const alice = (home = "/alice") => api.create({ homeDirectory: home, description: "Trading partner Alice" });

test("row 14: an unknown user is not found", async () => {
  const username = "AAAAAAAA";
  await refused(api.read(username), 404, "ResourceNotFoundException");
  await refused(api.update({ username, description: "x" }), 404, "ResourceNotFoundException");
  await refused(api.remove(username), 404, "ResourceNotFoundException");
});

test("row 15: names match exactly, in the API and at login", async () => {
  let made = await alice();
  while (!/[A-Z]/.test(made.username)) made = await alice();
  const username = made.username.toLowerCase();
  await refused(api.read(username), 404, "ResourceNotFoundException");
  assert.notEqual((await sftp.run(server, { ...made, username }, ["pwd"])).code, 0);
  assert.equal((await sftp.run(server, made, ["pwd"])).code, 0);
});

test("row 16: a user never connected has no date", async () => {
  const { username } = await alice();
  assert.equal("lastConnectedDate" in (await api.read(username)), false);
  const listed = (await api.list({ pageSize: 50 })).items.find((user) => user.username === username);
  assert.equal("lastConnectedDate" in listed, false);
});

test("row 17: a failed login changes no date", async () => {
  const made = await alice();
  const wrong = { ...made, password: "x".repeat(16) };
  assert.notEqual((await sftp.run(server, wrong, ["pwd"])).code, 0);
  assert.equal("lastConnectedDate" in (await api.read(made.username)), false);
  const days = [new Date().toISOString().slice(0, 10)];
  assert.equal((await sftp.run(server, made, ["pwd"])).code, 0);
  days.push(new Date().toISOString().slice(0, 10));
  const { lastConnectedDate } = await api.read(made.username);
  assert.ok(days.includes(lastConnectedDate), lastConnectedDate);
  assert.notEqual((await sftp.run(server, wrong, ["pwd"])).code, 0);
  assert.equal((await api.read(made.username)).lastConnectedDate, lastConnectedDate);
});

test("row 18: an update of the description leaves home and bucket", async () => {
  const made = await alice("/kept");
  const updated = await api.update({ username: made.username, description: "another" });
  assert.equal(updated.description, "another");
  assert.equal(updated.homeDirectory, "/kept");
  assert.equal(updated.bucketName, made.bucketName);
});

test("row 19: an update needs a description", async () => {
  const { username } = await alice();
  await invalid(api.update({ username }), "/description");
  await invalid(api.update({ username, homeDirectory: "/b" }), "/description");
  assert.equal((await api.read(username)).homeDirectory, "/alice");
});

test("row 20: after a delete the files stay, and the next name is new", async () => {
  const first = await alice("/returning");
  const local = join(server.folder, "order.txt");
  await writeFile(local, "one ton of nails\n");
  const put = await sftp.run(server, first, [`put ${local} order.txt`]);
  assert.equal(put.code, 0, put.stderr);
  await api.remove(first.username);
  const second = await alice("/returning");
  assert.notEqual(second.username, first.username);
  assert.equal(second.bucketName, first.bucketName);
  const back = join(server.folder, "back.txt");
  const got = await sftp.run(server, second, [`get order.txt ${back}`]);
  assert.equal(got.code, 0, got.stderr);
  assert.equal(await readFile(back, "utf8"), "one ton of nails\n");
});

test("row 21: a delete closes the session and discards its unfinished upload", async () => {
  const made = await alice("/cut");
  const local = join(server.folder, "large.bin");
  await writeFile(local, Buffer.alloc(8 * 1024 * 1024, 1));
  // 4 Mbit/s: sixteen seconds, if nobody ends it.
  const session = await sftp.start(server, made, [`put ${local} large.bin`], "-l", "4000");
  try {
    const staging = join(server.dataDir, "buckets", made.bucketName, "staging");
    // The bucket's journal is always there.
    const uploads = async () => (await readdir(staging, { recursive: true })).filter((name) => name !== "journal");
    while ((await uploads()).length === 0) {
      assert.equal(session.exitCode, null, "the upload ended before it was seen");
      await sleep(50);
    }
    await api.remove(made.username);
    const { code } = await session.ended;
    assert.notEqual(code, 0);
    assert.deepEqual(await readdir(server.files(made.bucketName, "cut")), []);
    for (let waited = 0; (await uploads()).length > 0; waited += 50) {
      assert.ok(waited < 10_000, "the upload is still in staging");
      await sleep(50);
    }
  } finally {
    session.kill("SIGKILL");
  }
});

// Rows 1–13 of the reference's edge cases: CreateUser.

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { createServer, request } from "node:http";
import { after, before, test } from "node:test";

import { invalid, isError, refused } from "../harness/expect.js";
import { client, http, users } from "../harness/sdk.js";
import { Server } from "../harness/server.js";
import * as sftp from "../harness/sftp.js";

let server, api;
before(async () => {
  server = await Server.start();
  api = users(client(server));
});
after(() => server?.stop());

const good = { homeDirectory: "/alice", description: "Trading partner Alice" };
const count = async () => (await api.list({ pageSize: 50 })).items.length;

test("row 01: a missing field must not be null", async () => {
  for (const missing of ["homeDirectory", "description"]) {
    for (const value of [undefined, null]) {
      const error = await invalid(api.create({ ...good, [missing]: value }), `/${missing}`);
      assert.match(error.fieldList[0].message, /must not be null/i);
    }
  }
});

test("row 02: a home directory is absolute and plain", async () => {
  for (const homeDirectory of ["alice", "/a b", "/a/../b", "", "/..", "/./a"]) {
    await invalid(api.create({ ...good, homeDirectory }), "/homeDirectory");
  }
});

test("row 03: the root is a home that reaches the whole bucket, and no marker is made", async () => {
  const fresh = await Server.start();
  try {
    const root = await users(client(fresh)).create({ homeDirectory: "/", description: "root" });
    assert.equal(root.homeDirectory, "/");
    assert.deepEqual(await readdir(fresh.files(root.bucketName)), []);
    await users(client(fresh)).create({ homeDirectory: "/partners/alice", description: "Alice" });
    const login = await sftp.run(fresh, root, ["ls -1 /partners"]);
    assert.equal(login.code, 0, login.stderr);
    assert.match(login.stdout, /^\/partners\/alice\s*$/m);
  } finally {
    await fresh.stop();
  }
});

test("row 04: a home is echoed as sent and resolves normalised", async () => {
  for (const homeDirectory of ["/slashed/", "//slashed"]) {
    const made = await api.create({ ...good, homeDirectory });
    assert.equal(made.homeDirectory, homeDirectory);
    assert.equal((await api.read(made.username)).homeDirectory, homeDirectory);
    const folder = `from-${made.username}`;
    assert.equal((await sftp.run(server, made, [`mkdir ${folder}`])).code, 0);
    assert.ok((await readdir(server.files(made.bucketName, "slashed"))).includes(folder));
  }
});

test("row 05: a password length is an integer from 16 to 128", async () => {
  for (const length of [15, 129, 16.5, "20"]) {
    await invalid(api.create({ ...good, passwordOptions: { length } }), "/passwordOptions/length");
  }
  assert.equal((await api.create({ ...good, passwordOptions: { length: 128 } })).password.length, 128);
});

test("row 06: password options may be empty or null", async () => {
  for (const passwordOptions of [{}, null]) {
    assert.equal((await api.create({ ...good, passwordOptions })).password.length, 16);
  }
  const body = JSON.stringify({ ...good, passwordOptions: null });
  const answer = await http(server, "POST", "/2022-04-01/users", { body });
  assert.equal(answer.status, 201);
  assert.equal(JSON.parse(answer.text).password.length, 16);
});

test("row 07: a description is plain and not empty", async () => {
  for (const description of ["A & B", "Café", ""]) {
    await invalid(api.create({ ...good, description }), "/description");
  }
});

test("row 08: several faults are one answer with an entry for each", async () => {
  const call = api.create({ homeDirectory: "alice", description: "é", passwordOptions: { length: 15 } });
  const error = await invalid(call, "/homeDirectory", "/description", "/passwordOptions/length");
  assert.match(error.message, /^3 validation errors at 3 paths detected\. First failure: /);
});

test("row 09: an unknown extra field is ignored", async () => {
  const body = JSON.stringify({ ...good, color: "red", nested: { a: [1] } });
  const answer = await http(server, "POST", "/2022-04-01/users", { body });
  assert.equal(answer.status, 201);
  assert.deepEqual(Object.keys(JSON.parse(answer.text)).filter((name) => ["color", "nested"].includes(name)), []);
});

test("row 10: one invocation id is one user, however often it is sent", async () => {
  const before = await count();
  const headers = { "amz-sdk-invocation-id": "0c0a52a7-0000-4000-8000-000000000001" };
  const send = () => http(server, "POST", "/2022-04-01/users", { headers, body: JSON.stringify(good) });
  const answers = await Promise.all([send(), send(), send()]);
  answers.push(await send());
  for (const answer of answers) {
    assert.equal(answer.status, 201);
    assert.deepEqual(JSON.parse(answer.text), JSON.parse(answers[0].text));
  }
  assert.equal(await count(), before + 1);
  const other = JSON.stringify({ ...good, description: "another" });
  isError(await http(server, "POST", "/2022-04-01/users", { headers, body: other }), 409, "ResourceConflictException");
});

test("row 10: when an answer is lost, the retry of the SDK makes no second user", async () => {
  const before = await count();
  // Forwards everything, but breaks the connection instead of handing over the first answer.
  let attempts = 0;
  const proxy = createServer((incoming, outgoing) => {
    const { hostname, port } = new URL(server.api);
    const { method, url: path, headers } = incoming;
    const forward = request({ hostname, port, method, path, headers }, (answer) => {
      attempts += 1;
      if (attempts === 1) return answer.resume().on("end", () => outgoing.destroy());
      outgoing.writeHead(answer.statusCode, answer.headers);
      return answer.pipe(outgoing);
    });
    incoming.pipe(forward);
  });
  await new Promise((done) => proxy.listen(0, "127.0.0.1", done));
  try {
    const endpoint = `http://127.0.0.1:${proxy.address().port}/2022-04-01`;
    const made = await users(client(server, undefined, { endpoint })).create(good);
    assert.equal(attempts, 2);
    assert.equal(await count(), before + 1);
    assert.equal((await sftp.run(server, made, ["pwd"])).code, 0, "with the password of the replay");
  } finally {
    proxy.close();
    proxy.closeAllConnections();
  }
});

test("row 11: an unknown bucket is told at its field, in the same words as a foreign one", async () => {
  const names = ["nobodys-bucket", "565460e4-4c6f-4a55-87f1-a9d27616f8aa-sftp"];
  const texts = [];
  for (const bucketName of names) {
    texts.push((await invalid(api.create({ ...good, bucketName }), "/bucketName")).message);
  }
  assert.equal(texts[0], texts[1]);
  const { bucketName } = await api.create(good);
  assert.equal((await api.create({ ...good, bucketName })).bucketName, bucketName);
});

test("row 12: beyond the user limit there is no 429 and no retry", async () => {
  const small = await Server.start({ LONGSHORE_USERS_MAX: "1" });
  try {
    const limited = users(client(small));
    const { username } = await limited.create(good);
    const error = await refused(limited.create(good), 403, "QuotaExceededException");
    assert.equal(error.$metadata.attempts, 1);
    await limited.remove(username);
    await limited.create(good);
  } finally {
    await small.stop();
  }
});

test("row 13: a body that is not JSON, empty or an array is a SerializationException", async () => {
  for (const body of ["{", "", "[]", "null", "not json"]) {
    isError(await http(server, "POST", "/2022-04-01/users", { body }), 400, "SerializationException");
  }
});

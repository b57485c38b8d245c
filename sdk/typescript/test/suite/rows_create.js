// Rows 1–13 of the reference's edge cases: CreateUser.

import { equal, invalid, isError, match, ok, refused } from "./expect.js";
import { clear } from "./words.js";

const GOOD = { homeDirectory: "/alice", description: "Trading partner Alice" };
const count = async ({ api }) => (await api.list({ pageSize: 50 })).items.length;

export const rowsCreate = [
  ["row 01: a missing field must not be null", async (t) => {
    for (const missing of ["homeDirectory", "description"]) {
      for (const value of [undefined, null]) {
        const error = await invalid(t, t.api.create({ ...GOOD, [missing]: value }), `/${missing}`);
        match(error.fieldList[0].message, /must not be null/i);
      }
    }
  }],

  ["row 02: a home directory is absolute and plain", async (t) => {
    for (const homeDirectory of ["alice", "/a b", "/a/../b", ""]) {
      await invalid(t, t.api.create({ ...GOOD, homeDirectory }), "/homeDirectory");
    }
  }],

  ["row 03: the root is a home that reaches the whole bucket, and no marker is made", async (t) => {
    const fresh = await t.host.start({});
    const api = t.of(t.client({}, fresh));
    const root = await api.create({ homeDirectory: "/", description: "root" });
    equal(root.homeDirectory, "/");
    equal(await t.host.files(fresh.id, root.bucketName), []);
    await api.create({ homeDirectory: "/partners/alice", description: "Alice" });
    const login = await t.host.sftp(fresh.id, root, ["ls -1 /partners"]);
    equal(login.code, 0, login.stderr);
    match(login.stdout, /^\/partners\/alice\s*$/m);
    await t.host.stop(fresh.id);
  }],

  ["row 04: a home is echoed as sent and resolves normalised", async (t) => {
    for (const homeDirectory of ["/slashed/", "//slashed"]) {
      const made = await t.api.create({ ...GOOD, homeDirectory });
      equal(made.homeDirectory, homeDirectory);
      equal((await t.api.read(made.username)).homeDirectory, homeDirectory);
      equal((await t.host.sftp(t.server.id, made, [`mkdir from-${made.username}`])).code, 0);
      ok((await t.host.files(t.server.id, made.bucketName, "slashed")).includes(`from-${made.username}`));
    }
  }],

  ["row 05: a password length is an integer from 16 to 128", async (t) => {
    for (const length of [15, 129, 16.5, "20"]) {
      await invalid(t, t.api.create({ ...GOOD, passwordOptions: { length } }), "/passwordOptions/length");
    }
    equal((await t.api.create({ ...GOOD, passwordOptions: { length: 128 } })).password.length, 128);
  }],

  ["row 06: password options may be empty or null", async (t) => {
    for (const passwordOptions of [{}, null]) {
      equal((await t.api.create({ ...GOOD, passwordOptions })).password.length, 16);
    }
  }],

  ["row 07: a description is plain and not empty", async (t) => {
    for (const description of ["A & B", "Café", ""]) {
      await invalid(t, t.api.create({ ...GOOD, description }), "/description");
    }
  }],

  ["row 08: several faults are one answer with an entry for each", async (t) => {
    const call = t.api.create({ homeDirectory: "alice", description: "é", passwordOptions: { length: 15 } });
    const error = await invalid(t, call, "/homeDirectory", "/description", "/passwordOptions/length");
    match(error.message, /^3 validation errors at 3 paths detected\. First failure: /);
  }],

  ["row 09: an unknown extra field is ignored", async (t) => {
    const made = await t.api.create({ ...GOOD, color: "red" });
    equal([made.$metadata.httpStatusCode, made.color], [201, undefined]);
    const body = JSON.stringify({ ...GOOD, color: "red", nested: { a: [1] } });
    equal((await t.host.raw(t.server.id, "POST", "/2022-04-01/users", { body })).status, 201);
  }],

  ["row 10: one invocation id is one user, however often it is sent", async (t) => {
    await clear(t);
    const headers = { "amz-sdk-invocation-id": `0c0a52a7-0000-4000-8000-${String(Date.now()).padStart(12, "0")}` };
    const send = () => t.host.raw(t.server.id, "POST", "/2022-04-01/users", { headers, body: JSON.stringify(GOOD) });
    const answers = await Promise.all([send(), send(), send()]);
    answers.push(await send());
    for (const answer of answers) {
      equal(answer.status, 201);
      equal(JSON.parse(answer.text), JSON.parse(answers[0].text));
    }
    equal(await count(t), 1);
  }],

  ["row 10: when an answer is lost, the retry makes no second user", async (t) => {
    await clear(t);
    const proxy = await t.host.proxy(t.server.id, 1);
    const made = await t.of(t.client({ endpoint: `${proxy.api}/2022-04-01` })).create(GOOD);
    equal([(await t.host.proxied(proxy.id)).length, await count(t)], [2, 1]);
    // Whether the package or the runtime sent it again differs: browsers and Deno do it where a connection was used before.
    ok(made.$metadata.attempts <= 2, `${made.$metadata.attempts} attempts`);
    equal((await t.host.sftp(t.server.id, made, ["pwd"])).code, 0, "with the password of the replay");
  }],

  ["row 11: an unknown bucket is told at its field", async (t) => {
    for (const bucketName of ["nobodys-bucket", "565460e4-4c6f-4a55-87f1-a9d27616f8aa-sftp"]) {
      await invalid(t, t.api.create({ ...GOOD, bucketName }), "/bucketName");
    }
    const { bucketName } = await t.api.create(GOOD);
    equal((await t.api.create({ ...GOOD, bucketName })).bucketName, bucketName);
  }],

  ["row 12: beyond the user limit there is no 429 and no retry", async (t) => {
    const small = await t.host.start({ LONGSHORE_USERS_MAX: "1" });
    const limited = t.of(t.client({}, small));
    const { username } = await limited.create(GOOD);
    const error = await refused(limited.create(GOOD), 403, "QuotaExceededException");
    equal(error.$metadata.attempts, 1);
    if (!t.published) ok(error instanceof t.sdk.QuotaExceededException);
    await limited.remove(username);
    await limited.create(GOOD);
    await t.host.stop(small.id);
  }],

  ["row 13: a body that is not JSON, empty or an array is a SerializationException", async (t) => {
    for (const body of ["{", "", "[]", "null", "not json"]) {
      isError(await t.host.raw(t.server.id, "POST", "/2022-04-01/users", { body }), 400, "SerializationException");
    }
  }],
];

// Rows 22–26 of the reference's edge cases: ListUsers.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { invalid } from "../harness/expect.js";
import { client, http, users } from "../harness/sdk.js";
import { Server } from "../harness/server.js";

let server, api;
before(async () => {
  server = await Server.start();
  api = users(client(server));
});
after(() => server?.stop());

const create = async (description) => (await api.create({ homeDirectory: "/a", description })).username;

async function clear() {
  for (const { username } of (await api.list({ pageSize: 50 })).items) await api.remove(username);
}

test("row 22: a page size is an integer from 1 to 50", async () => {
  for (const pageSize of [0, 51, -1, "abc"]) await invalid(api.list({ pageSize }), "/pageSize");
  for (const pageSize of [1, 50]) assert.equal((await api.list({ pageSize })).$metadata.httpStatusCode, 200);
});

test("row 23: a last page that is exactly full names no next one", async () => {
  await clear();
  const made = [await create("one"), await create("two"), await create("three"), await create("four")];
  const first = await api.list({ pageSize: 2 });
  const last = await api.list({ pageSize: 2, pageToken: first.nextPageToken });
  assert.deepEqual([...first.items, ...last.items].map((user) => user.username), made);
  assert.equal("nextPageToken" in last && last.nextPageToken !== undefined, false);
  const raw = JSON.parse((await http(server, "GET", "/2022-04-01/users?pageSize=4")).text);
  assert.deepEqual(Object.keys(raw), ["items"]);
});

test("row 24: no users is an empty list", async () => {
  await clear();
  assert.deepEqual((await api.list()).items, []);
  assert.equal((await http(server, "GET", "/2022-04-01/users")).text, '{"items":[]}');
});

test("row 25: a forged token is refused", async () => {
  await create("one");
  await create("two");
  const { nextPageToken } = await api.list({ pageSize: 1 });
  const swapped = nextPageToken.startsWith("A") ? "B" : "A";
  for (const pageToken of ["x", "AAAA", nextPageToken.slice(1), swapped + nextPageToken.slice(1)]) {
    await invalid(api.list({ pageToken }), "/pageToken");
  }
  assert.equal((await api.list({ pageToken: "" })).items.length, 2, "an empty token is the first page");
});

test("row 26: nobody present throughout a walk is skipped or repeated", async () => {
  await clear();
  const made = [];
  for (let number = 0; number < 12; number += 1) made.push(await create(`number ${number}`));
  const leaving = made.filter((_, index) => index % 3 === 1);
  const seen = [];
  let late = 0;
  for await (const page of api.pages(2)) {
    seen.push(...page.items.map((user) => user.username));
    if (leaving.length > 0) await api.remove(leaving.splice(leaving.length > 1 ? 1 : 0, 1)[0]);
    if (late < 3) await create(`late ${(late += 1)}`);
  }
  const stayed = made.filter((_, index) => index % 3 !== 1);
  assert.deepEqual(seen.filter((username) => stayed.includes(username)), stayed);
  assert.equal(new Set(seen).size, seen.length, "somebody came twice");
});

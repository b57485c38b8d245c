// Rows 14–26 of the reference's edge cases: one user, what it does over SFTP, and lists.

import { equal, invalid, match, ok, refused, rejected } from "./expect.js";
import { clear } from "./words.js";

const alice = ({ api }, homeDirectory = "/alice") => api.create({ homeDirectory, description: "Trading partner Alice" });

export const rowsUsers = [
  ["row 14: an unknown user is not found", async (t) => {
    const username = "AAAAAAAA";
    const calls = [t.api.read(username), t.api.update({ username, description: "x" }), t.api.remove(username)];
    for (const error of await Promise.all(calls.map((call) => refused(call, 404, "ResourceNotFoundException")))) {
      ok(error instanceof t.sdk.SftpServiceException);
      if (!t.published) ok(error instanceof t.sdk.ResourceNotFoundException);
    }
  }],

  ["row 14: a name that is missing or empty is told before anything is sent", async (t) => {
    for (const [value, word] of [[undefined, "No"], ["", "Empty"]]) {
      const update = () => t.api.update({ username: value, description: "x" });
      for (const call of [() => t.api.read(value), update, () => t.api.remove(value)]) {
        const error = await rejected(call());
        equal([error.name, error.message], ["Error", `${word} value provided for input HTTP label: username.`]);
      }
    }
  }],

  ["row 15: names match exactly, in the API and at login", async (t) => {
    let made = await alice(t);
    while (!/[A-Z]/.test(made.username)) made = await alice(t);
    const username = made.username.toLowerCase();
    await refused(t.api.read(username), 404, "ResourceNotFoundException");
    ok((await t.host.sftp(t.server.id, { ...made, username }, ["pwd"])).code !== 0);
  }],

  ["rows 16 and 17: no date before the first login, and none from a failed one", async (t) => {
    const made = await alice(t);
    equal((await t.api.read(made.username)).lastConnectedDate, undefined);
    const wrong = { ...made, password: "x".repeat(16) };
    ok((await t.host.sftp(t.server.id, wrong, ["pwd"])).code !== 0);
    equal((await t.api.read(made.username)).lastConnectedDate, undefined);
    const listed = (await t.api.list({ pageSize: 50 })).items.find((user) => user.username === made.username);
    equal(listed.lastConnectedDate, undefined);
    const day = new Date().toISOString().slice(0, 10);
    equal((await t.host.sftp(t.server.id, made, ["pwd"])).code, 0);
    const { lastConnectedDate } = await t.api.read(made.username);
    ok([day, new Date().toISOString().slice(0, 10)].includes(lastConnectedDate), lastConnectedDate);
  }],

  ["row 18: an update of the description leaves home and bucket", async (t) => {
    const made = await alice(t, "/kept");
    const updated = await t.api.update({ username: made.username, description: "another" });
    equal([updated.$metadata.httpStatusCode, updated.description], [200, "another"]);
    equal([updated.homeDirectory, updated.bucketName], ["/kept", made.bucketName]);
  }],

  ["row 19: an update needs a description", async (t) => {
    const { username } = await alice(t);
    await invalid(t, t.api.update({ username }), "/description");
    await invalid(t, t.api.update({ username, homeDirectory: "/b" }), "/description");
    equal((await t.api.read(username)).homeDirectory, "/alice");
  }],

  ["row 20: after a delete the files stay, and the next name is new", async (t) => {
    const first = await alice(t, "/returning");
    equal((await t.host.sftp(t.server.id, first, ["mkdir nails"])).code, 0);
    await t.api.remove(first.username);
    const second = await alice(t, "/returning");
    ok(second.username !== first.username);
    equal(second.bucketName, first.bucketName);
    match((await t.host.sftp(t.server.id, second, ["ls -1"])).stdout, /^nails\s*$/m);
  }],

  ["row 21: a delete closes the session and discards its unfinished upload", async (t) => {
    const made = await alice(t, "/cut");
    const upload = await t.host.upload(t.server.id, made, { bytes: 8 << 20, kilobits: 4000 });
    await t.api.remove(made.username);
    ok((await t.host.uploaded(upload)) !== 0, "the session goes on");
    equal(await t.host.files(t.server.id, made.bucketName, "cut"), []);
    await t.host.unstaged(t.server.id, made.bucketName);
  }],

  ["row 22: a page size is an integer from 1 to 50", async (t) => {
    for (const pageSize of [0, 51, -1, "abc"]) await invalid(t, t.api.list({ pageSize }), "/pageSize");
    for (const pageSize of [1, 50]) equal((await t.api.list({ pageSize })).$metadata.httpStatusCode, 200);
  }],

  ["row 23: a last page that is exactly full names no next one", async (t) => {
    await clear(t);
    const made = [];
    while (made.length < 4) made.push((await alice(t)).username);
    const first = await t.api.list({ pageSize: 2 });
    const last = await t.api.list({ pageSize: 2, pageToken: first.nextPageToken });
    equal([...first.items, ...last.items].map((user) => user.username), made);
    equal(last.nextPageToken, undefined);
  }],

  ["row 24: no users is an empty list", async (t) => {
    await clear(t);
    const answer = await t.api.list();
    equal([answer.items, answer.nextPageToken], [[], undefined]);
  }],

  ["row 25: a forged token is refused", async (t) => {
    await clear(t);
    await alice(t);
    await alice(t);
    const { nextPageToken } = await t.api.list({ pageSize: 1 });
    const swapped = nextPageToken.startsWith("A") ? "B" : "A";
    for (const pageToken of ["x", "AAAA", nextPageToken.slice(1), swapped + nextPageToken.slice(1)]) {
      await invalid(t, t.api.list({ pageToken }), "/pageToken");
    }
    equal((await t.api.list({ pageToken: "" })).items.length, 2, "an empty token is the first page:");
  }],

  ["row 26: nobody present throughout a walk is skipped or repeated", async (t) => {
    await clear(t);
    const made = [];
    while (made.length < 9) made.push((await alice(t)).username);
    const leaving = made.filter((_, index) => index % 3 === 1);
    const stayed = made.filter((_, index) => index % 3 !== 1);
    const seen = [];
    for await (const page of t.api.pages(2)) {
      seen.push(...page.items.map((user) => user.username));
      if (leaving.length > 0) await t.api.remove(leaving.splice(leaving.length > 1 ? 1 : 0, 1)[0]);
      if (seen.length < 6) await alice(t);
    }
    equal(seen.filter((username) => stayed.includes(username)), stayed);
    equal(new Set(seen).size, seen.length, "somebody came twice:");
  }],
];

// Create, Read, List with its paginator, Update and Delete, with each published version.

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { after, before, test } from "node:test";

import { refused } from "../harness/expect.js";
import { SDKS, client, users } from "../harness/sdk.js";
import { Server } from "../harness/server.js";
import * as sftp from "../harness/sftp.js";

let server;
before(async () => (server = await Server.start()));
after(() => server?.stop());

for (const [version, sdk] of Object.entries(SDKS)) {
  const api = () => users(client(server, sdk), sdk);

  test(`${version}: a user is made, can log in, is read, changed and deleted`, async () => {
    const made = await api().create({ homeDirectory: "/alice", description: "Trading partner Alice" });
    assert.equal(made.$metadata.httpStatusCode, 201);
    assert.match(made.username, /^[A-Z0-9]{8}$/);
    assert.match(made.password, /^[A-Za-z0-9]{16}$/);
    assert.match(made.bucketName, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-sftp$/);
    assert.equal(made.endpoint, "sftp.example.com");
    const { homeDirectory, description, bucketName, endpoint, username } = made;

    const login = await sftp.run(server, made, ["pwd"]);
    assert.equal(login.code, 0, login.stderr);
    assert.match(login.stdout, /Remote working directory: \//);

    const read = await api().read(username);
    const today = new Date().toISOString().slice(0, 10);
    const { $metadata: _, lastConnectedDate, ...rest } = read;
    assert.ok(lastConnectedDate <= today && lastConnectedDate >= "2022-01-01", lastConnectedDate);
    assert.deepEqual(rest, { username, homeDirectory, description, bucketName, endpoint });

    const updated = await api().update({ username, description: "Alice and Sons" });
    assert.equal(updated.description, "Alice and Sons");
    assert.equal(updated.homeDirectory, "/alice");
    assert.equal((await api().read(username)).description, "Alice and Sons");

    const removed = await api().remove(username);
    assert.equal(removed.$metadata.httpStatusCode, 204);
    await refused(api().read(username), 404, "ResourceNotFoundException");
    assert.notEqual((await sftp.run(server, made, ["pwd"])).code, 0, "the login ended");
  });

  test(`${version}: the paginator walks over all users`, async () => {
    const made = [];
    for (let number = 0; number < 5; number += 1) {
      made.push((await api().create({ homeDirectory: "/paged", description: `number ${number}` })).username);
    }
    const pages = [];
    for await (const page of api().pages(2)) pages.push(page.items.map((user) => user.username));
    assert.deepEqual(pages, [made.slice(0, 2), made.slice(2, 4), made.slice(4)]);
    for (const username of made) await api().remove(username);
    assert.deepEqual((await api().list()).items, []);
  });

  test(`${version}: a hand-written loop ends`, async () => {
    const made = await Promise.all(
      [1, 2].map((number) => api().create({ homeDirectory: "/looped", description: `number ${number}` })),
    );
    let [pageToken, seen] = [undefined, 0];
    do {
      const page = await api().list({ pageSize: 1, pageToken });
      seen += page.items.length;
      pageToken = page.nextPageToken;
      assert.ok(seen <= 2, "it goes round");
    } while (pageToken !== undefined);
    assert.equal(seen, 2);
    for (const { username } of made) await api().remove(username);
  });

  test(`${version}: a ValidationException is an instance of its class`, async () => {
    const call = api().create({ homeDirectory: "alice", description: "x" });
    await assert.rejects(call, (error) => error instanceof sdk.SftpServiceException && error.fieldList.length === 1);
  });

  test(`${version}: a base address with a slash at its end is the same`, async () => {
    const slashed = client(server, sdk, { endpoint: `${server.api}/2022-04-01/` });
    assert.deepEqual((await users(slashed, sdk).list()).items, []);
    const bare = client(server, sdk, { endpoint: server.api });
    assert.deepEqual((await users(bare, sdk).list()).items, []);
  });
}

test("0.4.78: home and bucket can be changed, and a bearer token is a key", async () => {
  const { SftpClient } = SDKS["0.4.78"];
  const bearer = new SftpClient({ region: "us", endpoint: `${server.api}/2022-04-01`, token: { token: server.key } });
  const api = users(bearer);
  const made = await api.create({ homeDirectory: "/old", description: "x" });
  const { username, bucketName } = made;
  const updated = await api.update({ username, description: "x", homeDirectory: "/new", bucketName });
  assert.equal(updated.homeDirectory, "/new");
  const login = await sftp.run(server, made, ["mkdir moved"]);
  assert.equal(login.code, 0, login.stderr);
  assert.deepEqual(await readdir(server.files(bucketName, "new")), ["moved"]);
  await api.remove(username);
});

// What the hosted service's document of the SDK promises, beyond its examples (test/examples.test.js runs those).

import { equal, match, ok, refused, rejected } from "./expect.js";
import { clear } from "./words.js";

const ALICE = { homeDirectory: "/alice", description: "Trading partner Alice" };

export const documented = [
  ["a user is made, can log in, is read, changed and deleted", async (t) => {
    const made = await t.api.create(ALICE);
    equal(made.$metadata.httpStatusCode, 201);
    match(made.$metadata.requestId, /^[0-9a-f-]{36}$/);
    match(made.username, /^[A-Z0-9]{8}$/);
    match(made.password, /^[A-Za-z0-9]{16}$/);
    match(made.bucketName, /^[0-9a-f-]{36}-sftp$/);
    equal(made.endpoint, "sftp.example.com");
    const login = await t.host.sftp(t.server.id, made, ["pwd"]);
    match(login.stdout, /Remote working directory: \//, login.stderr);

    const { username, bucketName, endpoint } = made;
    const seen = ({ username, homeDirectory, description, bucketName, endpoint }) => ({ username, homeDirectory, description, bucketName, endpoint });
    const read = await t.api.read(username);
    equal(seen(read), { ...ALICE, username, bucketName, endpoint });
    match(read.lastConnectedDate, /^\d{4}-\d\d-\d\d$/);
    const updated = await t.api.update({ username, description: "Alice and Sons" });
    equal(seen(updated), { username, homeDirectory: "/alice", description: "Alice and Sons", bucketName, endpoint });
    equal(updated.lastConnectedDate, read.lastConnectedDate);
    equal(seen((await t.api.list()).items.find((user) => user.username === username)), seen(updated));

    equal((await t.api.remove(username)).$metadata.httpStatusCode, 204);
    await refused(t.api.read(username), 404, "ResourceNotFoundException");
    ok((await t.host.sftp(t.server.id, made, ["pwd"])).code !== 0, "the login ends");
  }],

  ["home and bucket can be changed", async (t) => {
    const { username, bucketName } = await t.api.create(ALICE);
    const updated = await t.api.update({ username, description: "x", homeDirectory: "/new", bucketName });
    equal([updated.homeDirectory, updated.bucketName], ["/new", bucketName]);
  }],

  ["outputs carry the name that the document's tables use, and what SFTP clients need", async (t) => {
    if (t.published) return; // the hosted service's package drops what it does not know
    const made = await t.api.create(ALICE);
    const outputs = [made, await t.api.read(made.username), await t.api.update({ username: made.username, description: "x" })];
    const listed = (await t.api.list({ pageSize: 50 })).items.find((user) => user.username === made.username);
    for (const output of [...outputs, listed]) {
      equal(output.userName, made.username);
      ok(Number.isInteger(output.port) && output.port > 0, `port ${output.port}`);
      match(output.hostKeyFingerprint, /^SHA256:[A-Za-z0-9+/]{43}$/);
    }
  }],

  ["the paginator and a loop by hand walk over all users and end", async (t) => {
    await clear(t);
    const made = [];
    while (made.length < 5) made.push((await t.api.create(ALICE)).username);
    const pages = [];
    for await (const page of t.api.pages(2)) pages.push(page.items.map((user) => user.username));
    equal(pages, [made.slice(0, 2), made.slice(2, 4), made.slice(4)]);
    const seen = [];
    let pageToken = undefined;
    do {
      const page = await t.api.list({ pageSize: 2, pageToken });
      seen.push(...page.items.map((user) => user.username));
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined && seen.length < 10);
    equal(seen, made);
    const first = await t.api.list({ pageSize: 3 });
    const rest = [];
    for await (const page of t.sdk.paginateListUsers({ client: t.client(), pageSize: 1, startingToken: first.nextPageToken }, {})) {
      rest.push(...page.items.map((user) => user.username));
    }
    equal(rest, made.slice(3), "from a token:");
  }],

  ["send has a promise form and two callback forms", async (t) => {
    const client = t.client();
    const forms = [
      () => client.send(new t.sdk.ListUsersCommand({})),
      () => new Promise((done, failed) => client.send(new t.sdk.ListUsersCommand({}), (error, output) => (error ? failed(error) : done(output)))),
      () => new Promise((done, failed) => client.send(new t.sdk.ListUsersCommand({}), {}, (error, output) => (error ? failed(error) : done(output)))),
    ];
    for (const form of forms) equal((await form()).$metadata.httpStatusCode, 200);
    const error = await new Promise((done) => client.send(new t.sdk.ReadUserCommand({ username: "AAAAAAAA" }), (error) => done(error)));
    equal(error.name, "ResourceNotFoundException");
  }],

  ["the aggregated client has a method for each command", async (t) => {
    const sftp = new t.sdk.Sftp({ region: "us", endpoint: `${t.server.api}/2022-04-01`, apiKey: t.server.key });
    const { username } = await sftp.createUser(ALICE);
    equal((await sftp.readUser({ username })).username, username);
    equal((await sftp.updateUser({ username, description: "x" })).description, "x");
    const listed = await new Promise((done, failed) => sftp.listUsers({ pageSize: 50 }, (error, output) => (error ? failed(error) : done(output))));
    ok(listed.items.some((user) => user.username === username));
    equal((await sftp.deleteUser({ username })).$metadata.httpStatusCode, 204);
    ok(sftp instanceof t.sdk.SftpClient);
    equal(sftp.destroy(), undefined);
  }],

  ["a client without region and endpoint throws an Error", async (t) => {
    if (t.published) return; // in spite of its document it goes to a host of the hosted service then
    const error = await rejected((async () => new t.sdk.SftpClient({ apiKey: "x" }))());
    equal([error.name, error.message], ["Error", "Region is missing"]);
  }],

  ["an endpoint may be a text, a URL, parts, or a function of them", async (t) => {
    const url = new URL(`${t.server.api}/2022-04-01`);
    const parts = { protocol: "http:", hostname: url.hostname, port: Number(url.port), path: url.pathname };
    const forms = [url.href, parts, async () => parts];
    if (!t.published) forms.push(url, () => url, async () => url.href);
    for (const endpoint of forms) equal((await t.of(t.client({ endpoint })).list()).$metadata.httpStatusCode, 200, String(endpoint));
  }],

  ["an aborted signal ends the call with an AbortError", async (t) => {
    const abort = new AbortController();
    abort.abort();
    const error = await rejected(t.client().send(new t.sdk.ListUsersCommand({}), { abortSignal: abort.signal }));
    equal(error.name, "AbortError");
  }],

  ["what cannot be configured is told by a named error, before anything is sent", async (t) => {
    if (t.published) return;
    const { SftpClient, ConfigurationError, EndpointMissingError } = t.sdk;
    const missing = await rejected((async () => new SftpClient({ region: "us" }))());
    ok(missing instanceof EndpointMissingError && missing instanceof ConfigurationError, String(missing));
    match(missing.message, /LONGSHORE_ENDPOINT/);
    for (const options of [{ endpoint: "not a URL" }, { endpoint: "ftp://127.0.0.1/" }, { apiKey: "a\nb" }, { apiKey: "ключ" }]) {
      const error = await rejected(t.of(t.client(options)).list());
      ok(error instanceof ConfigurationError && error.name === "ConfigurationError", String(error));
      ok(!error.message.includes("ключ"), "the message shows the key");
    }
  }],
];

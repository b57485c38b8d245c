// Rows 27–31 of the reference's edge cases: keys, paths, and a server that stops.

import { equal, isError, match, ok, refused } from "./expect.js";

export const rowsHttp = [
  ["row 27: without a good key there is 401 with a code", async (t) => {
    const key = t.server.key;
    for (const options of [{ apiKey: undefined }, { apiKey: "wrong" }, { apiKey: `${key}x` }, { apiKey: undefined, token: { token: "x" } }]) {
      const stranger = t.of(t.client(options));
      for (const call of [() => stranger.list(), () => stranger.create({})]) {
        const error = await refused(call(), 401, "UnauthorizedException");
        if (!t.published) ok(error instanceof t.sdk.UnauthorizedException);
      }
    }
    for (const authorization of ["Key", "Key ", "Bearer x", "Basic x", key]) {
      isError(await t.host.raw(t.server.id, "GET", "/2022-04-01/users", { key: null, headers: { authorization } }), 401, "UnauthorizedException");
    }
    equal((await t.of(t.client({ apiKey: async () => key })).list()).$metadata.httpStatusCode, 200, "a key from a function:");
    equal((await t.of(t.client({ apiKey: undefined, token: { token: key } })).list()).$metadata.httpStatusCode, 200, "a bearer token:");
  }],

  ["row 27: an unknown key takes as long as a wrong secret", async (t) => {
    const secret = "A".repeat(32);
    const keys = [null, `lsk_aaaaaaaaaaaa.${secret}`, `${t.server.key.split(".")[0]}.${secret}`];
    const medians = await t.host.timings(t.server.id, keys, 40);
    // Wide, for busy machines: a password hash more or less would be a factor of ten.
    ok(Math.max(...medians) < 4 * Math.min(...medians), JSON.stringify(medians));
  }],

  ["row 28: an unknown path is told in JSON", async (t) => {
    for (const path of ["/2022-04-01/nothing", "/nothing", "/", "/2022-04-01/users/a/b"]) {
      isError(await t.host.raw(t.server.id, "GET", path), 404, "UnknownOperationException");
    }
    const elsewhere = t.of(t.client({ endpoint: `${t.server.api}/2021-01-01` }));
    const error = await refused(elsewhere.list(), 404, "UnknownOperationException");
    if (!t.published) ok(error instanceof t.sdk.UnknownOperationException);
  }],

  ["row 29: a server that stops answers 503 and a date to come again", async (t) => {
    const stopping = await t.host.start({});
    const api = t.of(t.client({ maxAttempts: 1 }, stopping));
    const made = await api.create({ homeDirectory: "/a", description: "a" });
    // An upload in progress holds the end off.
    const upload = await t.host.upload(stopping.id, made, { bytes: 4 << 20, kilobits: 8000 });
    await t.host.signal(stopping.id, "SIGTERM");
    let answer;
    do answer = await t.host.raw(stopping.id, "GET", "/2022-04-01/users");
    while (answer.status === 200);
    isError(answer, 503, "ServiceUnavailableException");
    match(answer.headers["retry-after"], /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/);
    const error = await refused(api.list(), 503, "ServiceUnavailableException");
    if (!t.published) {
      ok(error instanceof t.sdk.ServiceUnavailableException);
      ok(error.$metadata.retryAfter < 30_000, `retryAfter ${error.$metadata.retryAfter}`);
    }
    await t.host.uploaded(upload);
    await t.host.ended(stopping.id);
    equal(await t.host.files(stopping.id, made.bucketName, "a"), ["large.bin"], "the upload is let finish:");
    await t.host.stop(stopping.id);
  }],

  ["row 30: no path collapses onto the list", async (t) => {
    for (const username of ["..", ".", "a/b", "a b", "%2e%2e", "!'()*", "../users"]) {
      await refused(t.api.read(username), 404, "ResourceNotFoundException");
      await refused(t.api.remove(username), 404, "ResourceNotFoundException");
    }
    for (const path of ["/users/..", "/users/%2e%2e", "/users/a%2Fb"]) {
      for (const base of ["", "/2022-04-01"]) {
        isError(await t.host.raw(t.server.id, "GET", base + path), 404, "ResourceNotFoundException");
      }
    }
  }],

  ["row 31: a slash at the end changes nothing", async (t) => {
    for (const endpoint of [t.server.api, `${t.server.api}/`, `${t.server.api}/2022-04-01/`]) {
      equal((await t.of(t.client({ endpoint })).list()).$metadata.httpStatusCode, 200, endpoint);
    }
    for (const base of ["", "/2022-04-01"]) {
      equal((await t.host.raw(t.server.id, "GET", `${base}/users/`)).status, 200);
      const body = JSON.stringify({ homeDirectory: "/a", description: "a" });
      const made = await t.host.raw(t.server.id, "POST", `${base}/users/`, { body });
      equal(made.status, 201);
      equal((await t.host.raw(t.server.id, "DELETE", `${base}/users/${JSON.parse(made.text).username}/`)).status, 204);
    }
  }],
];

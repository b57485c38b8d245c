// Servers, proxies and lines that do what they should not. The published package throws plain errors in some cases
// (its reference, §3.2); ours are typed, always.

import { equal, match, ok, rejected } from "./expect.js";
import { clear } from "./words.js";

const ALICE = { homeDirectory: "/alice", description: "Trading partner Alice" };
const NOT_FOUND = { code: "ResourceNotFoundException", message: "none" };
const EMPTY_LIST = { status: 200, json: { items: [] } };

/** Calls List against a server that gives these answers in turn; resolves to the outcome and the requests it saw. */
async function against(t, answers, options = {}, call = (api) => api.list()) {
  const scripted = await t.host.script(answers);
  const api = t.of(t.client({ endpoint: scripted.api, ...options }));
  const began = Date.now();
  const outcome = await call(api).then((output) => ({ output }), (error) => ({ error }));
  return { ...outcome, took: Date.now() - began, requests: await t.host.scripted(scripted.id) };
}

function typed(t, error, name) {
  equal(error?.name, name, String(error?.stack));
  ok(error instanceof t.sdk.SftpServiceException && error instanceof t.sdk[name], `${name} is not of its class`);
}

export const misbehaving = [
  ["errors: the code is found in header, code and __type, in that order", async (t) => {
    const cases = [
      [{ headers: { "x-amzn-errortype": "ValidationException:http://x/" }, json: NOT_FOUND }, "ValidationException"],
      [{ json: { code: "ns#ValidationException,more" } }, "ValidationException"],
      [{ json: { __type: "com.example#ValidationException" } }, "ValidationException"],
      [{ json: NOT_FOUND }, "ResourceNotFoundException"],
      [{ json: { code: "Unheard", more: 7 } }, "Unheard"],
      [{ json: {} }, "404"],
      [{ text: "" }, "404"],
    ];
    for (const [answer, name] of cases) {
      const { error, requests } = await against(t, [{ status: 404, ...answer }]);
      equal([error.name, error.$metadata.httpStatusCode, requests.length], [name, 404, 1]);
      ok(error instanceof t.sdk.SftpServiceException);
      if (name === "Unheard") equal(error.more, 7);
    }
  }],

  ["errors: every modelled class", async (t) => {
    const codes = { ValidationException: 400, SftpProvisioningTimeout: 418, BucketProvisioningTimeout: 418, UnmappedException: 403 };
    for (const [code, status] of Object.entries(codes)) {
      const { error, requests } = await against(t, [{ status, json: { code, message: "m" } }], {}, (api) => api.create(ALICE));
      equal([error.name, error.message, requests.length], [code, "m", 1], "its mark as retryable counts for nothing:");
      ok(error instanceof t.sdk[code], code);
    }
  }],

  ["errors: a page of HTML, a text or an array is an UnexpectedResponseException", async (t) => {
    for (const answer of [{ text: "<html>Bad gateway</html>" }, { json: "text" }, { json: [1] }]) {
      const { error } = await against(t, [{ status: 404, ...answer }]);
      if (t.published) ok(["SyntaxError", "TypeError", "404"].includes(error.name), error.name);
      else {
        typed(t, error, "UnexpectedResponseException");
        equal(error.$metadata.httpStatusCode, 404);
      }
    }
    if (t.published) return;
    for (const answer of [{ text: "<html>Log in</html>" }, { json: [1] }]) {
      const { error, requests } = await against(t, [{ status: 200, ...answer }]);
      typed(t, error, "UnexpectedResponseException");
      equal(requests.length, 1);
    }
    const nulled = await against(t, [{ status: 400, json: { code: null, message: "m" } }]);
    equal([nulled.error.name, nulled.error.message], ["400", "m"]);
    const odd = await against(t, [{ status: 400, json: { code: "constructor" } }]);
    ok(odd.error instanceof t.sdk.SftpServiceException && odd.error.name === "constructor", String(odd.error));
  }],

  ["a redirect is not followed", async (t) => {
    const { error, requests } = await against(t, [{ status: 302, headers: { location: "/elsewhere" }, text: "" }]);
    ok(error instanceof t.sdk.SftpServiceException, String(error));
    equal(requests.length, 1);
  }],

  ["retries: 429, 500, 502, 503 and 504, all under one invocation id", async (t) => {
    for (const status of [429, 500, 502, 503, 504]) {
      const { output, requests } = await against(t, [{ status, json: {} }, EMPTY_LIST]);
      equal([output?.items, output?.$metadata.attempts, requests.length], [[], 2, 2], `${status}:`);
      equal(requests.map((request) => request.headers["amz-sdk-request"]), ["attempt=1; max=3", "attempt=2; max=3"]);
      const ids = requests.map((request) => request.headers["amz-sdk-invocation-id"]);
      match(ids[0], /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      equal(ids[1], ids[0]);
    }
  }],

  ["retries: a throttling or time-out code whatever the status, and three attempts at most", async (t) => {
    for (const code of ["SlowDown", "RequestTimeout"]) {
      const { output, requests } = await against(t, [{ status: 400, json: { code } }, EMPTY_LIST]);
      equal([output?.items, requests.length], [[], 2], code);
    }
    const { error, requests } = await against(t, [{ status: 503, json: { code: "ServiceUnavailableException", message: "m" } }]);
    equal([error.name, error.$metadata.attempts, requests.length], ["ServiceUnavailableException", 3, 3]);
    ok(error.$metadata.totalRetryDelay >= 0);
    equal((await against(t, [{ status: 503, json: {} }], { maxAttempts: 1 })).requests.length, 1);
  }],

  ["retries: no other status", async (t) => {
    for (const status of [400, 401, 403, 404, 408, 409, 501, 505]) {
      // Attempts of ours: a browser sends a request again by itself after 408.
      equal((await against(t, [{ status, json: {} }])).error.$metadata.attempts, 1, `${status}:`);
    }
  }],

  ["Retry-After as a date is obeyed", async (t) => {
    for (const status of [429, 503]) {
      const { output, took } = await against(t, [{ status, json: {}, retryAfterDate: 2 }, EMPTY_LIST]);
      equal(output?.items, []);
      ok(took >= 900, `${status}: came again after ${took} ms`);
    }
  }],

  ["Retry-After in seconds is obeyed, and too long a wait is the caller's to decide", async (t) => {
    if (t.published) return; // it reads seconds as a time in 1970
    for (const status of [429, 503]) {
      const { output, took } = await against(t, [{ status, json: {}, headers: { "retry-after": "1" } }, EMPTY_LIST]);
      equal(output?.items, []);
      ok(took >= 950, `${status}: came again after ${took} ms`);
    }
    const long = await against(t, [{ status: 429, json: { code: "ThrottlingException" }, headers: { "retry-after": "3600" } }]);
    typed(t, long.error, "ThrottlingException");
    equal([long.requests.length, long.error.$metadata.retryAfter], [1, 3_600_000]);
    const nonsense = await against(t, [{ status: 503, json: {}, headers: { "retry-after": "-5 or so" } }, EMPTY_LIST]);
    equal(nonsense.output?.items, []);
  }],

  ["HTML from a proxy with 502 or 503 is retried, and typed in the end", async (t) => {
    if (t.published) return;
    const page = { status: 502, headers: { "content-type": "text/html" }, text: "<html>Bad gateway</html>" };
    equal((await against(t, [page, { ...page, status: 503 }, EMPTY_LIST])).output?.items, []);
    const { error, requests } = await against(t, [page]);
    typed(t, error, "UnexpectedResponseException");
    equal([requests.length, error.$metadata.httpStatusCode, error.$fault], [3, 502, "server"]);
  }],

  ["a lost connection is retried, and typed in the end", async (t) => {
    if (t.published) return;
    equal((await against(t, [{ drop: true }, EMPTY_LIST])).output?.items, []);
    equal((await against(t, [{ half: true }, EMPTY_LIST])).output?.items, [], "in the middle of an answer:");
    const { error } = await against(t, [{ drop: true }], { maxAttempts: 2 });
    typed(t, error, "NetworkException");
    equal(error.$metadata.attempts, 2);
    const refused = await rejected(t.of(t.client({ endpoint: "http://127.0.0.1:1/", maxAttempts: 2 })).list());
    typed(t, refused, "NetworkException");
  }],

  ["a slow answer is a TimeoutException, tried again before", async (t) => {
    if (t.published) return;
    const slow = await against(t, [{ hang: true }], { requestTimeout: 150, maxAttempts: 2 });
    typed(t, slow.error, "TimeoutException");
    equal([slow.requests.length, slow.error.$metadata.attempts], [2, 2]);
    const stalled = await against(t, [{ stall: true }], { requestTimeout: 150, maxAttempts: 1 });
    typed(t, stalled.error, "TimeoutException");
    equal((await against(t, [{ ...EMPTY_LIST, delay: 300 }], { requestTimeout: 0 })).output?.items, [], "no limit:");
  }],

  ["an abort ends a request, an answer half read and a pause between attempts", async (t) => {
    if (t.published) return;
    for (const answer of [{ hang: true }, { stall: true }, { status: 503, json: {}, headers: { "retry-after": "15" } }]) {
      const abort = new AbortController();
      const { api } = await t.host.script([answer]);
      const began = Date.now();
      setTimeout(() => abort.abort("enough"), 300);
      const error = await rejected(t.client({ endpoint: api }).send(new t.sdk.ListUsersCommand({}), { abortSignal: abort.signal }));
      ok(error instanceof t.sdk.AbortError && error.name === "AbortError", String(error));
      equal(error.cause, "enough");
      ok(Date.now() - began < 5000, "it went on");
    }
  }],

  ["however often answers are lost or late, Create makes one user and Delete ends well", async (t) => {
    if (t.published) return;
    for (const how of [{ lose: 2 }, { lose: 1, half: true }, { lose: 1, hang: true }]) {
      await clear(t);
      const proxy = await t.host.proxy(t.server.id, how.lose, how);
      const api = t.of(t.client({ endpoint: `${proxy.api}/2022-04-01`, requestTimeout: 3000 }));
      const made = await api.create(ALICE);
      equal((await t.api.list()).items.map((user) => user.username), [made.username], JSON.stringify(how));
      const again = await t.host.proxy(t.server.id, how.lose, how);
      const remover = t.of(t.client({ endpoint: `${again.api}/2022-04-01`, requestTimeout: 3000 }));
      equal((await remover.remove(made.username)).$metadata.httpStatusCode, 204);
      equal((await t.api.list()).items, []);
    }
  }],
];

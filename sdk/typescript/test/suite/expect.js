// Assertions in plain language features: this file runs in browsers too.

/** Fails with what was seen. */
export function ok(condition, message = "not so") {
  if (!condition) throw new Error(message);
}

/** The same value, members in any order; `undefined` members count as absent. */
export function equal(seen, wanted, message = "") {
  const [a, b] = [canonical(seen), canonical(wanted)];
  ok(a === b, `${message} seen ${a}, wanted ${b}`);
}

/** A text of this form. */
export function match(text, form, message = "") {
  ok(typeof text === "string" && form.test(text), `${message} ${JSON.stringify(text)} does not match ${form}`);
}

/** Resolves to what the promise is rejected with. */
export async function rejected(call) {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("not rejected");
}

/** The call is refused with this status and code (as `error.name`); resolves to the error. */
export async function refused(call, status, name) {
  const error = await rejected(call);
  equal({ name: error.name, status: error.$metadata?.httpStatusCode }, { name, status }, String(error));
  ok(error.message.length > 0 && error.message !== "UnknownError", "a message");
  match(error.$metadata.requestId, /^[0-9a-f-]{36}$/, "request id");
  equal(error.code, name, "the body's members are on the error:");
  return error;
}

/** The call is a ValidationException with exactly these paths; resolves to the error. */
export async function invalid(t, call, ...paths) {
  const error = await refused(call, 400, "ValidationException");
  ok(error instanceof t.sdk.ValidationException && error instanceof t.sdk.SftpServiceException, "its class");
  equal(error.fieldList.map((field) => field.path).sort(), paths.sort());
  ok(error.fieldList.every((field) => field.message.length > 0), "a message for each field");
  equal([error.$fault, error.$metadata.attempts], ["client", 1]);
  return error;
}

/** A raw answer is an error in JSON with the code in header and body. */
export function isError(answer, status, code) {
  equal(answer.status, status, answer.text);
  match(answer.headers["content-type"], /^application\/json/);
  equal(answer.headers["x-amzn-errortype"], code);
  match(answer.headers["x-amzn-requestid"], /^[0-9a-f-]{36}$/);
  equal(JSON.parse(answer.text).code, code);
}

function canonical(value) {
  return JSON.stringify(value, (_, member) =>
    member && typeof member === "object" && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}

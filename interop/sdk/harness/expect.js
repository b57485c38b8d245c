// What an error must look like.

import assert from "node:assert/strict";

/** The call is refused with this status and code (as `error.name`); resolves to the error. */
export async function refused(call, status, name) {
  const error = await call.then(
    (answer) => assert.fail(`not refused: ${JSON.stringify(answer)}`),
    (error) => error,
  );
  assert.deepEqual({ name: error.name, status: error.$metadata?.httpStatusCode }, { name, status }, String(error));
  assert.ok(error.message.length > 0 && error.message !== "UnknownError", "a message");
  assert.match(error.$metadata.requestId, /^[0-9a-f-]{36}$/);
  return error;
}

/** The call is a ValidationException with exactly these paths; resolves to the error. */
export async function invalid(call, ...paths) {
  const error = await refused(call, 400, "ValidationException");
  assert.deepEqual(error.fieldList.map((field) => field.path).sort(), paths.sort());
  assert.equal(error.$metadata.attempts, 1, "never retried");
  return error;
}

/** A raw answer is an error in JSON with the code in header and body; returns the body. */
export function isError(answer, status, code) {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers["content-type"], /^application\/json/);
  assert.equal(answer.headers["x-amzn-errortype"], code);
  assert.match(answer.headers["x-amzn-requestid"], /^[0-9a-f-]{36}$/);
  const body = JSON.parse(answer.text);
  assert.equal(body.code, code);
  assert.ok(body.message.length > 0);
  return body;
}

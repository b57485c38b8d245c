import type { MetadataBearer, ResponseMetadata } from "./metadata.js";
import type { WireRequest } from "./runtime/send.js";

/** A call of one operation: its input, how it is sent, how its answer is read. */
export abstract class Command<Input extends object, Output extends MetadataBearer> {
  /** The operation's input. */
  readonly input: Input;

  /** Takes the operation's input. */
  constructor(input: Input) {
    this.input = input;
  }

  /** @internal */
  abstract request(): WireRequest;

  /** @internal */
  abstract output(body: Record<string, unknown>, $metadata: ResponseMetadata): Output;
}

/**
 * A user name as one path segment (RFC 3986).
 *
 * @throws Error when it is missing or empty: no request is sent.
 */
export function pathSegment(username: string | undefined): string {
  if (username === undefined || username === null) throw new Error("No value provided for input HTTP label: username.");
  if (username === "") throw new Error("Empty value provided for input HTTP label: username.");
  // URL parsers take `.` and `..` for steps in the tree, percent-encoded or not. No user has such a name:
  // encoded twice it stays one segment and the server answers that there is none.
  if (username === "." || username === "..") return username.replaceAll(".", "%252E");
  return encodeURIComponent(username).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Adds the alias `userName` that the documentation's tables use. */
export function withAlias<T extends { username?: unknown }>(user: T): T & { userName: T["username"] } {
  return { ...user, userName: user.username };
}

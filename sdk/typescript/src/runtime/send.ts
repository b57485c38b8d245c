import { AbortError, ConfigurationError, exceptionOf, NetworkException, SftpServiceException, TimeoutException, unexpected } from "../errors.js";
import { metadataOf, type ResponseMetadata } from "../metadata.js";
import { VERSION } from "../version.js";
import { authorization, baseUrl, resolve, type EndpointParts, type Provider, type SftpClientConfig } from "./config.js";
import { retryDelay } from "./retry.js";

/** A request before it has a host. */
export interface WireRequest {
  /** HTTP method. */
  method: "GET" | "POST" | "PUT" | "DELETE";
  /** Path below the endpoint, percent-encoded, beginning with `/`. */
  path: string;
  /** Query parameters; `undefined` ones are left out. */
  query?: Record<string, string | number | undefined>;
  /** JSON body; members that are `null` or `undefined` are left out. */
  body?: object;
}

/** A successful answer. */
export interface WireResponse {
  /** Parsed JSON; `{}` where the body was empty. */
  body: Record<string, unknown>;
  /** What is known of the exchange. */
  $metadata: ResponseMetadata;
}

/** Options of one call. */
export interface SendOptions {
  /** Ends the call with an {@link AbortError}. */
  abortSignal?: AbortSignal;
  /** Milliseconds for one attempt (0 for no limit), in place of the client's `requestTimeout`. */
  requestTimeout?: number;
}

const DEFAULT_ATTEMPTS = 3;
const DEFAULT_TIMEOUT = 30_000;
/** Timers count in 32 bits: beyond it they fire at once. Nobody waits 24 days; it is the same as no limit. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Sends a request, with retries. All attempts carry one invocation id, so that a repeated Create makes one user. */
export async function send(
  config: SftpClientConfig,
  endpoint: Provider<string | URL | EndpointParts>,
  request: WireRequest,
  options: SendOptions,
): Promise<WireResponse> {
  const invocationId = uuid();
  const maxAttempts = Math.max(1, await resolve(config.maxAttempts ?? DEFAULT_ATTEMPTS));
  let totalRetryDelay = 0;
  for (let attempt = 1; ; attempt++) {
    const result = await attemptOnce(config, endpoint, request, options, {
      "amz-sdk-invocation-id": invocationId,
      "amz-sdk-request": `attempt=${attempt}; max=${maxAttempts}`,
      "x-amz-user-agent": `longshore-sdk-js/${VERSION}`,
    });
    Object.assign(result.$metadata, { attempts: attempt, totalRetryDelay });
    if (!(result instanceof SftpServiceException)) return result;
    const delay = attempt < maxAttempts ? retryDelay(result, attempt) : undefined;
    if (delay === undefined) throw result;
    await pause(delay, options.abortSignal);
    totalRetryDelay += delay;
  }
}

async function attemptOnce(
  config: SftpClientConfig,
  endpoint: Provider<string | URL | EndpointParts>,
  request: WireRequest,
  options: SendOptions,
  attemptHeaders: Record<string, string>,
): Promise<WireResponse | SftpServiceException> {
  const url = (await baseUrl(endpoint)) + request.path + queryString(request.query);
  const headers = withCredentials(new Headers(attemptHeaders), await authorization(config));
  const body = request.body === undefined ? null : JSON.stringify(request.body, (_, value) => value ?? undefined);
  if (body !== null) headers.set("content-type", "application/json");
  const deadline = new Deadline(options.requestTimeout ?? config.requestTimeout ?? DEFAULT_TIMEOUT, options.abortSignal);
  try {
    const response = await (config.fetch ?? globalThis.fetch)(url, {
      method: request.method,
      headers,
      body,
      redirect: "manual", // a redirect is no answer of this API, and must not carry the key elsewhere
      cache: "no-store",
      signal: deadline.signal,
    });
    return await outcomeOf(response);
  } catch (cause) {
    deadline.throwIfAborted();
    const details = { $fault: "client" as const, $metadata: {}, cause };
    return deadline.expired
      ? new TimeoutException({ ...details, name: "TimeoutException", message: `No answer from ${url} within ${deadline.milliseconds} ms` })
      : new NetworkException({ ...details, name: "NetworkException", message: `Could not reach ${url}: ${reasonOf(cause)}` });
  } finally {
    deadline.clear();
  }
}

/** The innermost reason: Node wraps it as `fetch failed`. */
function reasonOf(cause: unknown): string {
  const inner = (cause as { cause?: { message?: string; code?: string } } | undefined)?.cause;
  return inner?.message || inner?.code || (cause instanceof Error ? cause.message : String(cause));
}

async function outcomeOf(response: Response): Promise<WireResponse | SftpServiceException> {
  const $metadata = metadataOf(response);
  if (response.type === "opaqueredirect") return unexpected(response.status, "a redirect", $metadata); // all that a browser tells
  const text = await response.text();
  const body = parseJson(text);
  if (response.status >= 200 && response.status < 300) {
    if (text === "") return { body: {}, $metadata };
    if (typeof body === "object" && body !== null && !Array.isArray(body)) return { body: body as Record<string, unknown>, $metadata };
    return unexpected(response.status, `something that is not a JSON object: ${text.slice(0, 200)}`, $metadata);
  }
  return exceptionOf(response.status, response.headers.get("x-amzn-errortype"), body, text, $metadata);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function queryString(query: WireRequest["query"]): string {
  const pairs = Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== null);
  const text = pairs.map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`).join("&");
  return text === "" ? "" : `?${text}`;
}

/** A timeout and the caller's signal as one signal (`AbortSignal.any` is missing from Node 18). */
class Deadline {
  private readonly controller = new AbortController();
  private readonly timer: ReturnType<typeof setTimeout> | undefined;
  private readonly onAbort = (): void => this.controller.abort();
  expired = false;

  constructor(readonly milliseconds: number, private readonly caller: AbortSignal | undefined) {
    if (milliseconds > 0 && milliseconds <= LONGEST_TIMER) {
      this.timer = setTimeout(() => {
        this.expired = true;
        this.controller.abort();
      }, milliseconds);
    }
    caller?.addEventListener("abort", this.onAbort, { once: true });
    if (caller?.aborted) this.controller.abort();
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  throwIfAborted(): void {
    if (this.caller?.aborted) throw aborted(this.caller);
  }

  clear(): void {
    clearTimeout(this.timer);
    this.caller?.removeEventListener("abort", this.onAbort);
  }
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((done, fail) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      fail(aborted(signal!));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      done();
    }, milliseconds);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
  });
}

function aborted(signal: AbortSignal): AbortError {
  return new AbortError("Request aborted", { cause: signal.reason });
}

function withCredentials(headers: Headers, credentials: string | undefined): Headers {
  if (credentials === undefined) return headers;
  try {
    headers.set("authorization", credentials);
  } catch {
    // Without the cause: some runtimes quote the value in it.
    throw new ConfigurationError("The API key has characters that no HTTP header can carry");
  }
  return headers;
}

/** A random UUID (RFC 9562 §5.4). */
function uuid(): string {
  const bytes = new Uint8Array(16);
  // Not `randomUUID`: pages on plain HTTP lack it. Node 18 lacks `crypto` altogether; the id has to be unique there, and
  // nothing depends on its being secret.
  if (globalThis.crypto) globalThis.crypto.getRandomValues(bytes);
  else bytes.forEach((_, index) => (bytes[index] = Math.floor(Math.random() * 256)));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

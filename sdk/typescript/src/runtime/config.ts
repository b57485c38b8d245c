import { ConfigurationError, EndpointMissingError } from "../errors.js";

/** A value, or a function that gives it, called for each attempt. */
export type Provider<T> = T | (() => T | Promise<T>);

/** An endpoint in parts. */
export interface EndpointParts {
  /** `http:` or `https:`. */
  protocol: string;
  /** Host name or address. */
  hostname: string;
  /** Port, if it is not the protocol's own. */
  port?: number;
  /** Base path, such as `/2022-04-01`. */
  path?: string;
}

/** A bearer token, as the hosted service's SDK took it. */
export interface TokenIdentity {
  /** The token itself. */
  token: string;
}

/** What a client is made with. */
export interface SftpClientConfig {
  /** Kept for programs of the hosted service; it names no host here. */
  region?: Provider<string>;
  /** Base URL of the API, such as `http://127.0.0.1:8080/2022-04-01`; default: `LONGSHORE_ENDPOINT`. */
  endpoint?: Provider<string | URL | EndpointParts>;
  /** API key; default: `LONGSHORE_API_KEY`. */
  apiKey?: Provider<string>;
  /** Bearer token, used when no API key is set. */
  token?: Provider<string | TokenIdentity>;
  /** The same as `token`, by its older name. */
  bearerToken?: Provider<string>;
  /** Attempts for one call, the first included. Default 3. */
  maxAttempts?: Provider<number>;
  /** Milliseconds for one attempt, its answer's body included; 0 for no limit. Default 30,000. */
  requestTimeout?: number;
  /** The fetch function to use; default: the runtime's own. */
  fetch?: typeof globalThis.fetch;
}

/** A variable of the environment, where the runtime has one. */
function environment(name: string): string | undefined {
  const host = globalThis as { process?: { env?: Record<string, string | undefined> } };
  try {
    return host.process?.env?.[name] || undefined;
  } catch {
    return undefined; // Deno throws where reading the environment is not allowed
  }
}

/** The value behind a {@link Provider}. */
export async function resolve<T>(provider: Provider<T>): Promise<T> {
  return typeof provider === "function" ? (provider as () => T | Promise<T>)() : provider;
}

/**
 * The endpoint to use.
 *
 * @throws Error without region and endpoint; {@link EndpointMissingError} with a region alone.
 */
export function endpointProvider(config: SftpClientConfig): Provider<string | URL | EndpointParts> {
  const endpoint = config.endpoint || environment("LONGSHORE_ENDPOINT");
  if (endpoint) return endpoint;
  if (!config.region) throw new Error("Region is missing");
  throw new EndpointMissingError(
    "A region names no server: set `endpoint` in the client's options or LONGSHORE_ENDPOINT in the environment " +
      "to the base URL of your Longshore server, such as http://127.0.0.1:8080/2022-04-01",
  );
}

/**
 * Base URL without a trailing slash.
 *
 * @throws ConfigurationError when the endpoint is no `http:` or `https:` URL.
 */
export async function baseUrl(endpoint: Provider<string | URL | EndpointParts>): Promise<string> {
  const value = await resolve(endpoint);
  const text = typeof value === "string" || value instanceof URL ? String(value) : joined(value);
  let url: URL | undefined;
  try {
    url = new URL(text);
  } catch {
    // told below
  }
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new ConfigurationError(`The endpoint ${JSON.stringify(text)} is not an http:// or https:// URL`);
  }
  return (url.origin + url.pathname).replace(/\/+$/, "");
}

function joined({ protocol, hostname, port, path }: EndpointParts): string {
  return `${protocol.replace(/:?$/, ":")}//${hostname}${port ? `:${port}` : ""}${path ?? ""}`;
}

/** Value of the `Authorization` header; `undefined` sends none and the server answers 401. */
export async function authorization(config: SftpClientConfig): Promise<string | undefined> {
  const apiKey = config.apiKey === undefined ? undefined : await resolve(config.apiKey);
  if (apiKey) return `Key ${apiKey}`;
  const source = config.token ?? config.bearerToken;
  const token = source === undefined ? undefined : await resolve<string | TokenIdentity>(source);
  if (token) return `Bearer ${typeof token === "string" ? token : token.token}`;
  const fromEnvironment = environment("LONGSHORE_API_KEY");
  return fromEnvironment === undefined ? undefined : `Key ${fromEnvironment}`;
}

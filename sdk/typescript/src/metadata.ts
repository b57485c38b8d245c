/** What is known of the exchange behind an output or an error. */
export interface ResponseMetadata {
  /** HTTP status of the last attempt; absent if no answer came. */
  httpStatusCode?: number;
  /** The server's id of the request: quote it when asking for help. */
  requestId?: string;
  /** `x-amz-id-2`, if a gateway sent it. */
  extendedRequestId?: string;
  /** `x-amz-cf-id`, if a gateway sent it. */
  cfId?: string;
  /** Milliseconds that the server asked to wait (`Retry-After`), if it did. */
  retryAfter?: number;
  /** Attempts made. */
  attempts?: number;
  /** Milliseconds spent waiting between attempts. */
  totalRetryDelay?: number;
}

/** Carries {@link ResponseMetadata}. */
export interface MetadataBearer {
  /** What is known of the exchange. */
  $metadata: ResponseMetadata;
}

/** Metadata from the headers of an answer. */
export function metadataOf(response: Response): ResponseMetadata {
  const header = (...names: string[]): string | undefined => {
    for (const name of names) {
      const value = response.headers.get(name);
      if (value !== null) return value;
    }
    return undefined;
  };
  const retryAfter = parseRetryAfter(header("retry-after"), Date.now());
  return {
    httpStatusCode: response.status,
    requestId: header("x-amzn-requestid", "x-amzn-request-id", "x-amz-request-id"),
    extendedRequestId: header("x-amz-id-2"),
    cfId: header("x-amz-cf-id"),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  };
}

/**
 * `Retry-After` in milliseconds from `now`: seconds or an HTTP date (RFC 9110 §10.2.3). Anything else is as if absent;
 * the test for a weekday keeps `Date.parse` from guessing.
 */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  const date = /^[A-Z][a-z]{2}/.test(value) ? Date.parse(value) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

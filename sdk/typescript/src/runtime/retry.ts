import { NetworkException, SftpServiceException, TimeoutException } from "../errors.js";

/** Delays between attempts, in milliseconds: as the hosted service's SDK had them. */
const BASE_DELAY = 100;
const THROTTLED_BASE_DELAY = 500;
const MAX_DELAY = 20_000;

const RETRIED_STATUS = new Set([429, 500, 502, 503, 504]);

const THROTTLING_CODES = new Set([
  "BandwidthLimitExceeded", "EC2ThrottledException", "LimitExceededException", "PriorRequestNotComplete",
  "ProvisionedThroughputExceededException", "RequestLimitExceeded", "RequestThrottled", "RequestThrottledException",
  "SlowDown", "ThrottledException", "Throttling", "ThrottlingException", "TooManyRequestsException",
  "TransactionInProgressException",
]);

const TRANSIENT_CODES = new Set(["RequestTimeout", "RequestTimeoutException", "TimeoutError"]);

/**
 * Milliseconds to wait after attempt number `attempt`, or `undefined` when the error is final.
 *
 * At least as long as the server asked for. When it asked for more than 20 seconds, the error is final: such a wait is
 * the caller's to decide, who finds it in `$metadata.retryAfter`.
 */
export function retryDelay(error: SftpServiceException, attempt: number): number | undefined {
  const { httpStatusCode: status, retryAfter = 0 } = error.$metadata;
  const throttled = status === 429 || THROTTLING_CODES.has(error.name);
  const transient =
    error instanceof NetworkException || error instanceof TimeoutException || TRANSIENT_CODES.has(error.name) ||
    (status !== undefined && RETRIED_STATUS.has(status));
  if ((!throttled && !transient) || retryAfter > MAX_DELAY) return undefined;
  const base = throttled ? THROTTLED_BASE_DELAY : BASE_DELAY;
  return Math.max(retryAfter, Math.floor(Math.random() * Math.min(MAX_DELAY, base * 2 ** (attempt - 1))));
}

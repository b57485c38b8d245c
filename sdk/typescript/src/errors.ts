import type { MetadataBearer, ResponseMetadata } from "./metadata.js";

/** How the service marks errors as worth another try. */
export interface RetryableTrait {
  /** Whether it is because of too many requests. */
  throttling?: boolean;
}

/** What an exception is made of. */
export interface ExceptionOptions {
  /** The error code, as `name`. */
  name: string;
  /** Whose fault it was. */
  $fault: "client" | "server";
  /** One sentence for people. */
  message: string;
  /** What is known of the exchange. */
  $metadata: ResponseMetadata;
  /** Further members of the error body. */
  details?: Record<string, unknown>;
  /** What caused it. */
  cause?: unknown;
}

/** Base of all errors that this package throws once a request was made. */
export class SftpServiceException extends Error implements MetadataBearer {
  /** Whose fault it was. */
  readonly $fault: "client" | "server";
  /** Always `"Sftp"`. */
  readonly $service: string = "Sftp";
  /** What is known of the exchange. */
  $metadata: ResponseMetadata;
  /** Present where the service marks the error as worth another try. */
  declare readonly $retryable?: RetryableTrait;

  constructor(options: ExceptionOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = options.name;
    this.$fault = options.$fault;
    this.$metadata = options.$metadata;
    for (const [key, value] of Object.entries(options.details ?? {})) {
      if (!(key in this)) Object.defineProperty(this, key, { value, enumerable: true, writable: true });
    }
  }
}

/** One failure of one member of the input. */
export interface ValidationExceptionField {
  /** JSON Pointer to the member, such as `/passwordOptions/length`. */
  path: string | undefined;
  /** What it must satisfy. */
  message: string | undefined;
}

/** The input breaks a rule; nothing was changed. */
export class ValidationException extends SftpServiceException {
  /** Every failure; a member may appear more than once. */
  declare fieldList?: ValidationExceptionField[];

}

/** The body was not a JSON object or a member had the wrong type. */
export class SerializationException extends SftpServiceException {}
/** No API key, or one that is unknown, malformed or revoked. */
export class UnauthorizedException extends SftpServiceException {}
/** The API key lacks the right. */
export class AccessDeniedException extends SftpServiceException {}
/** The account may not use the service. */
export class UnmappedException extends SftpServiceException {}
/** The limit on users is reached. */
export class QuotaExceededException extends SftpServiceException {}
/** No such user. */
export class ResourceNotFoundException extends SftpServiceException {}
/** No such route: the endpoint is probably not a Longshore server's. */
export class UnknownOperationException extends SftpServiceException {}
/** The state of the resource, or an invocation id used before, is in the way. */
export class ResourceConflictException extends SftpServiceException {}
/** The body is over the server's limit. */
export class RequestTooLargeException extends SftpServiceException {}
/** The content type is not JSON. */
export class UnsupportedMediaTypeException extends SftpServiceException {}
/** Too many requests; retried by this package before it is thrown. */
export class ThrottlingException extends SftpServiceException {}
/** A defect of the server; quote `$metadata.requestId`. */
export class InternalFailureException extends SftpServiceException {}
/** The server is shutting down, overloaded, or without its storage. */
export class ServiceUnavailableException extends SftpServiceException {}
/** The server did not provide the SFTP resource in time. */
export class SftpProvisioningTimeout extends SftpServiceException {
  override readonly $retryable: RetryableTrait = {};
}
/** The server did not provide the bucket in time. */
export class BucketProvisioningTimeout extends SftpServiceException {
  override readonly $retryable: RetryableTrait = {};
}

/** An answer that no Longshore server sends, such as a proxy's HTML page. `$metadata` has its status. */
export class UnexpectedResponseException extends SftpServiceException {}
/** The connection failed: refused, reset, name not found, or blocked by the browser. `cause` tells more. */
export class NetworkException extends SftpServiceException {}
/** No answer within `requestTimeout`. */
export class TimeoutException extends SftpServiceException {}

/** An option of the client, or its variable in the environment, cannot be used. Nothing was sent. */
export class ConfigurationError extends Error {
  /** The name of the class. */
  override readonly name: string = "ConfigurationError";
}

/** Neither `endpoint` nor `LONGSHORE_ENDPOINT` says where the server is. */
export class EndpointMissingError extends ConfigurationError {
  /** The name of the class. */
  override readonly name = "EndpointMissingError";
}

/** The caller's signal ended the call. The server may have done what was asked. `cause` is the signal's reason. */
export class AbortError extends Error {
  /** The name of the class. */
  override readonly name = "AbortError";
}

type ExceptionClass = new (options: ExceptionOptions) => SftpServiceException;

/** The class of each code that servers send, and whose fault it is. */
const CLASSES = new Map<string, [ExceptionClass, "client" | "server"]>([
  ["ValidationException", [ValidationException, "client"]],
  ["SerializationException", [SerializationException, "client"]],
  ["UnauthorizedException", [UnauthorizedException, "client"]],
  ["AccessDeniedException", [AccessDeniedException, "client"]],
  ["UnmappedException", [UnmappedException, "client"]],
  ["QuotaExceededException", [QuotaExceededException, "client"]],
  ["ResourceNotFoundException", [ResourceNotFoundException, "client"]],
  ["UnknownOperationException", [UnknownOperationException, "client"]],
  ["ResourceConflictException", [ResourceConflictException, "client"]],
  ["RequestTooLargeException", [RequestTooLargeException, "client"]],
  ["UnsupportedMediaTypeException", [UnsupportedMediaTypeException, "client"]],
  ["ThrottlingException", [ThrottlingException, "client"]],
  ["InternalFailureException", [InternalFailureException, "server"]],
  ["ServiceUnavailableException", [ServiceUnavailableException, "server"]],
  ["SftpProvisioningTimeout", [SftpProvisioningTimeout, "server"]],
  ["BucketProvisioningTimeout", [BucketProvisioningTimeout, "server"]],
]);

/** The bare code of `Some.Namespace#Code:http://…,more`. */
function bareCode(raw: unknown): string | undefined {
  if (typeof raw !== "string" && typeof raw !== "number") return undefined;
  const cut = String(raw).split(",")[0]!.split(":")[0]!;
  return cut.slice(cut.indexOf("#") + 1) || undefined;
}

/** The exception for an error answer. `body` is its parsed JSON, or `undefined` where it was none. */
export function exceptionOf(
  status: number,
  headerCode: string | null,
  body: unknown,
  text: string,
  $metadata: ResponseMetadata,
): SftpServiceException {
  const fault = status >= 500 ? "server" : "client";
  const isObject = typeof body === "object" && body !== null && !Array.isArray(body);
  if (!isObject && text !== "") return unexpected(status, `something that is not a JSON object: ${text.slice(0, 200)}`, $metadata);
  const members = (isObject ? body : {}) as Record<string, unknown>;
  const modelled = bareCode(headerCode) ?? bareCode(members["code"]) ?? bareCode(members["__type"]);
  const known = modelled === undefined ? undefined : CLASSES.get(modelled);
  const message = members["message"] ?? members["Message"];
  const name = known ? modelled! : (bareCode(members["code"]) ?? modelled ?? String(status));
  const [Class, faultOfCode] = known ?? [SftpServiceException, fault];
  return new Class({
    name,
    $fault: faultOfCode,
    message: typeof message === "string" ? message : "UnknownError",
    $metadata,
    details: members,
  });
}

/** The exception for an answer that is not of this API. */
export function unexpected(status: number, what: string, $metadata: ResponseMetadata): UnexpectedResponseException {
  return new UnexpectedResponseException({
    name: "UnexpectedResponseException",
    $fault: status >= 400 && status < 500 ? "client" : "server",
    message: `The endpoint answered ${status} with ${what}`,
    $metadata,
  });
}

/**
 * Manages the SFTP users of a Longshore server.
 *
 * Names and shapes are those of `@stedi/sdk-client-sftp`: a program changes its import and its endpoint.
 *
 * @packageDocumentation
 */
export { Command } from "./command.js";
export * from "./commands/index.js";
export * from "./errors.js";
export type { MetadataBearer, ResponseMetadata } from "./metadata.js";
export type * from "./models.js";
export * from "./paginateListUsers.js";
export type { EndpointParts, Provider, SftpClientConfig, TokenIdentity } from "./runtime/config.js";
export type { SendOptions, WireRequest } from "./runtime/send.js";
export * from "./Sftp.js";
export * from "./SftpClient.js";

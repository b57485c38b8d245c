import { Command, pathSegment, withAlias } from "../command.js";
import type { MetadataBearer, ResponseMetadata } from "../metadata.js";
import type { ReadUserInput, ReadUserOutput } from "../models.js";
import type { WireRequest } from "../runtime/send.js";

/** Input of {@link ReadUserCommand}. */
export interface ReadUserCommandInput extends ReadUserInput {}

/** Output of {@link ReadUserCommand}. */
export interface ReadUserCommandOutput extends ReadUserOutput, MetadataBearer {}

/** Reads one user. */
export class ReadUserCommand extends Command<ReadUserCommandInput, ReadUserCommandOutput> {
  /** @internal */
  override request(): WireRequest {
    return { method: "GET", path: `/users/${pathSegment(this.input.username)}` };
  }

  /** @internal */
  override output(body: Record<string, unknown>, $metadata: ResponseMetadata): ReadUserCommandOutput {
    return { ...withAlias(body), $metadata } as ReadUserCommandOutput;
  }
}

import { Command, pathSegment, withAlias } from "../command.js";
import type { MetadataBearer, ResponseMetadata } from "../metadata.js";
import type { UpdateUserInput, UpdateUserOutput } from "../models.js";
import type { WireRequest } from "../runtime/send.js";

/** Input of {@link UpdateUserCommand}. */
export interface UpdateUserCommandInput extends UpdateUserInput {}

/** Output of {@link UpdateUserCommand}. */
export interface UpdateUserCommandOutput extends UpdateUserOutput, MetadataBearer {}

/** Changes a user: `description` always, the others where given. */
export class UpdateUserCommand extends Command<UpdateUserCommandInput, UpdateUserCommandOutput> {
  /** @internal */
  override request(): WireRequest {
    const { username, homeDirectory, description, bucketName } = this.input;
    return { method: "PUT", path: `/users/${pathSegment(username)}`, body: { bucketName, description, homeDirectory } };
  }

  /** @internal */
  override output(body: Record<string, unknown>, $metadata: ResponseMetadata): UpdateUserCommandOutput {
    return { ...withAlias(body), $metadata } as UpdateUserCommandOutput;
  }
}

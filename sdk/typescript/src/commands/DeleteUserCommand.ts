import { Command, pathSegment } from "../command.js";
import type { MetadataBearer, ResponseMetadata } from "../metadata.js";
import type { DeleteUserInput, DeleteUserOutput } from "../models.js";
import type { WireRequest } from "../runtime/send.js";

/** Input of {@link DeleteUserCommand}. */
export interface DeleteUserCommandInput extends DeleteUserInput {}

/** Output of {@link DeleteUserCommand}. */
export interface DeleteUserCommandOutput extends DeleteUserOutput, MetadataBearer {}

/** Deletes a user: its login ends, its files stay. */
export class DeleteUserCommand extends Command<DeleteUserCommandInput, DeleteUserCommandOutput> {
  /** @internal */
  override request(): WireRequest {
    return { method: "DELETE", path: `/users/${pathSegment(this.input.username)}` };
  }

  /** @internal */
  override output(_body: Record<string, unknown>, $metadata: ResponseMetadata): DeleteUserCommandOutput {
    return { $metadata };
  }
}

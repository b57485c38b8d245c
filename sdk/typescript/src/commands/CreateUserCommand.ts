import { Command, withAlias } from "../command.js";
import type { MetadataBearer, ResponseMetadata } from "../metadata.js";
import type { CreateUserInput, CreateUserOutput } from "../models.js";
import type { WireRequest } from "../runtime/send.js";

/** Input of {@link CreateUserCommand}. */
export interface CreateUserCommandInput extends CreateUserInput {}

/** Output of {@link CreateUserCommand}. */
export interface CreateUserCommandOutput extends CreateUserOutput, MetadataBearer {}

/** Makes a user. The output carries the only copy of its password. */
export class CreateUserCommand extends Command<CreateUserCommandInput, CreateUserCommandOutput> {
  /** @internal */
  override request(): WireRequest {
    const { homeDirectory, description, bucketName, passwordOptions } = this.input;
    return { method: "POST", path: "/users", body: { bucketName, description, homeDirectory, passwordOptions } };
  }

  /** @internal */
  override output(body: Record<string, unknown>, $metadata: ResponseMetadata): CreateUserCommandOutput {
    return { ...withAlias(body), $metadata } as CreateUserCommandOutput;
  }
}

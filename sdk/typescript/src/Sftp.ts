import type { Command } from "./command.js";
import { CreateUserCommand } from "./commands/CreateUserCommand.js";
import { DeleteUserCommand } from "./commands/DeleteUserCommand.js";
import { ListUsersCommand } from "./commands/ListUsersCommand.js";
import { ReadUserCommand } from "./commands/ReadUserCommand.js";
import { UpdateUserCommand } from "./commands/UpdateUserCommand.js";
import type { MetadataBearer } from "./metadata.js";
import type { SendOptions } from "./runtime/send.js";
import { SftpClient, type Callback } from "./SftpClient.js";

/** One method of {@link Sftp}: promise and callback forms. */
export interface Method<Input extends object, Output extends MetadataBearer> {
  (args: Input, options?: SendOptions): Promise<Output>;
  (args: Input, callback: Callback<Output>): void;
  (args: Input, options: SendOptions, callback: Callback<Output>): void;
}

/** The client with one method per command. */
export class Sftp extends SftpClient {
  /** @see {@link CreateUserCommand} */
  readonly createUser = this.method(CreateUserCommand);
  /** @see {@link DeleteUserCommand} */
  readonly deleteUser = this.method(DeleteUserCommand);
  /** @see {@link ListUsersCommand} */
  readonly listUsers = this.method(ListUsersCommand);
  /** @see {@link ReadUserCommand} */
  readonly readUser = this.method(ReadUserCommand);
  /** @see {@link UpdateUserCommand} */
  readonly updateUser = this.method(UpdateUserCommand);

  private method<Input extends object, Output extends MetadataBearer>(Class: new (input: Input) => Command<Input, Output>): Method<Input, Output> {
    const method = (args: Input, options?: SendOptions | Callback<Output>, callback?: Callback<Output>): Promise<Output> | void =>
      this.send(new Class(args), options as SendOptions, callback as Callback<Output>);
    return method as Method<Input, Output>;
  }
}

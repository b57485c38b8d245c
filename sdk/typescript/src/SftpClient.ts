import type { Command } from "./command.js";
import type { MetadataBearer } from "./metadata.js";
import { endpointProvider, type EndpointParts, type Provider, type SftpClientConfig } from "./runtime/config.js";
import { send, type SendOptions } from "./runtime/send.js";

/** The last argument of the callback forms. */
export type Callback<Output> = (error: unknown, output?: Output) => void;

/** Sends commands to a Longshore server. */
export class SftpClient {
  /** The options it was made with. */
  readonly config: Readonly<SftpClientConfig>;
  private readonly endpoint: Provider<string | URL | EndpointParts>;

  /**
   * @throws Error without `region` and `endpoint`; `EndpointMissingError` with a region alone.
   */
  constructor(config: SftpClientConfig = {}) {
    this.config = config;
    this.endpoint = endpointProvider(config);
  }

  /** Sends a command. Without a callback the result is a promise. */
  send<Input extends object, Output extends MetadataBearer>(command: Command<Input, Output>, options?: SendOptions): Promise<Output>;
  send<Input extends object, Output extends MetadataBearer>(command: Command<Input, Output>, callback: Callback<Output>): void;
  send<Input extends object, Output extends MetadataBearer>(command: Command<Input, Output>, options: SendOptions, callback: Callback<Output>): void;
  send<Input extends object, Output extends MetadataBearer>(
    command: Command<Input, Output>,
    optionsOrCallback?: SendOptions | Callback<Output>,
    callback?: Callback<Output>,
  ): Promise<Output> | void {
    const done = typeof optionsOrCallback === "function" ? optionsOrCallback : callback;
    const options = typeof optionsOrCallback === "function" ? {} : (optionsOrCallback ?? {});
    const result = this.run(command, options);
    if (done === undefined) return result;
    result.then((output) => done(null, output), (error: unknown) => done(error));
  }

  /** Kept for programs of the hosted service: connections belong to the runtime, there is nothing to release. */
  destroy(): void {}

  private async run<Input extends object, Output extends MetadataBearer>(command: Command<Input, Output>, options: SendOptions): Promise<Output> {
    const response = await send(this.config, this.endpoint, command.request(), options);
    return command.output(response.body, response.$metadata);
  }
}

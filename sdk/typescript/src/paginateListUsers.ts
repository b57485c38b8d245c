import { ListUsersCommand, type ListUsersCommandInput, type ListUsersCommandOutput } from "./commands/ListUsersCommand.js";
import type { SendOptions } from "./runtime/send.js";
import type { SftpClient } from "./SftpClient.js";

/** What a paginator needs. */
export interface SftpPaginationConfiguration {
  /** Sends the commands. */
  client: SftpClient;
  /** Users a page, 1 to 50. */
  pageSize?: number;
  /** Token of the page to begin with. */
  startingToken?: string;
  /** End when the server sends the token that it was sent. */
  stopOnSameToken?: boolean;
}

/** Walks all pages of users: `for await (const page of paginateListUsers({ client }, {})) …`. */
export async function* paginateListUsers(
  config: SftpPaginationConfiguration,
  input: ListUsersCommandInput,
  options?: SendOptions,
): AsyncGenerator<ListUsersCommandOutput, undefined, unknown> {
  let pageToken = config.startingToken ?? input.pageToken;
  do {
    const sent = pageToken;
    const pageSize = config.pageSize ?? input.pageSize;
    const page = await config.client.send(
      new ListUsersCommand({ ...(pageSize === undefined ? {} : { pageSize }), ...(sent === undefined ? {} : { pageToken: sent }) }),
      options,
    );
    yield page;
    pageToken = page.nextPageToken;
    if (config.stopOnSameToken && pageToken === sent) return undefined;
  } while (pageToken);
  return undefined;
}

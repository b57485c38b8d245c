import { Command, withAlias } from "../command.js";
import type { MetadataBearer, ResponseMetadata } from "../metadata.js";
import type { ListUsersInput, ListUsersOutput, UserOutput } from "../models.js";
import type { WireRequest } from "../runtime/send.js";

/** Input of {@link ListUsersCommand}. */
export interface ListUsersCommandInput extends ListUsersInput {}

/** Output of {@link ListUsersCommand}. */
export interface ListUsersCommandOutput extends ListUsersOutput, MetadataBearer {}

/** Lists a page of users in the order of their creation. */
export class ListUsersCommand extends Command<ListUsersCommandInput, ListUsersCommandOutput> {
  /** Takes the page wanted; without input, the first. */
  constructor(input: ListUsersCommandInput = {}) {
    super(input);
  }

  /** @internal */
  override request(): WireRequest {
    const { pageSize, pageToken } = this.input;
    return { method: "GET", path: "/users", query: { pageSize, pageToken } };
  }

  /** @internal */
  override output(body: Record<string, unknown>, $metadata: ResponseMetadata): ListUsersCommandOutput {
    const { items, nextPageToken } = body as { items?: (UserOutput | null)[]; nextPageToken?: string | null };
    const users = items?.filter((item): item is UserOutput => item !== null).map(withAlias);
    return { items: users, ...(nextPageToken == null ? {} : { nextPageToken }), $metadata };
  }
}

// Words that the cases are written in.

/** Short words for the operations of a client. */
export function users(sdk, sftp) {
  return {
    create: (input) => sftp.send(new sdk.CreateUserCommand(input)),
    read: (username) => sftp.send(new sdk.ReadUserCommand({ username })),
    list: (input = {}) => sftp.send(new sdk.ListUsersCommand(input)),
    update: (input) => sftp.send(new sdk.UpdateUserCommand(input)),
    remove: (username) => sftp.send(new sdk.DeleteUserCommand({ username })),
    pages: (pageSize) => sdk.paginateListUsers({ client: sftp, pageSize }, {}),
  };
}

/** Removes all users. */
export async function clear({ api }) {
  for (const { username } of (await api.list({ pageSize: 50 })).items) await api.remove(username);
}

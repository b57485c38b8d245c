// The published SDKs, and HTTP by hand for what they cannot send.

import { request } from "node:http";

import newest from "@stedi/sdk-client-sftp";
import old from "sdk-0-1-52";

/** The versions under test, by number. */
export const SDKS = { "0.4.78": newest, "0.1.52": old };

/** A client of `sdk` for `server`; `options` go over what is usual. */
export function client(server, sdk = newest, options = {}) {
  return new sdk.SftpClient({
    region: "us",
    endpoint: `${server.api}/2022-04-01`,
    apiKey: server.key,
    ...options,
  });
}

/** Short words for the five operations of a client. */
export function users(sftp, sdk = newest) {
  return {
    create: (input) => sftp.send(new sdk.CreateUserCommand(input)),
    read: (username) => sftp.send(new sdk.ReadUserCommand({ username })),
    list: (input = {}) => sftp.send(new sdk.ListUsersCommand(input)),
    update: (input) => sftp.send(new sdk.UpdateUserCommand(input)),
    remove: (username) => sftp.send(new sdk.DeleteUserCommand({ username })),
    pages: (pageSize) => sdk.paginateListUsers({ client: sftp, pageSize }, {}),
  };
}

/** Sends exactly what it is told, path included; resolves to status, headers and text. */
export function http(server, method, path, { headers = {}, body, key = server.key } = {}) {
  const { hostname, port } = new URL(server.api);
  const authorization = key === null ? {} : { authorization: `Key ${key}` };
  const content =
    body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  return new Promise((done, failed) => {
    const sent = request(
      { hostname, port, method, path, agent: false, headers: { ...authorization, ...content, ...headers } },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8");
        answer.on("data", (chunk) => (text += chunk));
        answer.on("end", () => done({ status: answer.statusCode, headers: answer.headers, text }));
        answer.on("error", failed);
      },
    );
    sent.on("error", failed);
    sent.end(body);
  });
}

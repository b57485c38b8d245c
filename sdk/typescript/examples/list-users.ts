import { SftpClient, ListUsersCommand, type ListUsersCommandOutput } from "@longshore/sdk-client-sftp";

async function main() {
  const sftpClient = new SftpClient({
    region: "us",
    endpoint: process.env.LONGSHORE_ENDPOINT,
    apiKey: process.env.STEDI_API_KEY,
  });

  let pageToken = undefined;
  do {
    const listUsersCommand = new ListUsersCommand({
      pageSize: 7,
      pageToken: pageToken,
    });

    const listUsersResult: ListUsersCommandOutput = await sftpClient.send(listUsersCommand);
    console.info(listUsersResult.items);

    pageToken = listUsersResult.nextPageToken;
  } while (pageToken !== undefined);
}

main();

import { SftpClient, DeleteUserCommand } from "@longshore/sdk-client-sftp";

const username = "YOUR USERNAME HERE";

async function main() {
  const sftpClient = new SftpClient({
    region: "us",
    endpoint: process.env.LONGSHORE_ENDPOINT,
    apiKey: process.env.STEDI_API_KEY,
  });

  const deleteUserCommand = new DeleteUserCommand({
    username: username,
  });
  const deleteUserResult = await sftpClient.send(deleteUserCommand);
  console.info(`Deleted the user with username ${username}.`);
}

main();

import { SftpClient, UpdateUserCommand } from "@longshore/sdk-client-sftp";

const username = "YOUR USER NAME HERE";
const description = "YOUR DESCRIPTION HERE";

async function main() {
  const sftpClient = new SftpClient({
    region: "us",
    endpoint: process.env.LONGSHORE_ENDPOINT,
    apiKey: process.env.STEDI_API_KEY,
  });

  const updateUserCommand = new UpdateUserCommand({
    username: username,
    description: description,
  });
  const updateUserResult = await sftpClient.send(updateUserCommand);
  console.info(updateUserResult);
}

main();

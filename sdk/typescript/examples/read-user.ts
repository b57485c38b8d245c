import { SftpClient, ReadUserCommand } from "@longshore/sdk-client-sftp";

const username = "YOUR USER NAME HERE";

async function main() {
  const sftpClient = new SftpClient({
    region: "us",
    endpoint: process.env.LONGSHORE_ENDPOINT,
    apiKey: process.env.STEDI_API_KEY,
  });

  const readUserCommand = new ReadUserCommand({
    username: username,
  });
  const readUserResult = await sftpClient.send(readUserCommand);
  console.info(readUserResult);
}

main();

import { SftpClient, ReadUserCommand } from "@longshore/sdk-client-sftp";

const username = "YOUR USERNAME HERE";

async function main() {
  const sftpClient = new SftpClient({
    region: "us",
    endpoint: process.env.LONGSHORE_ENDPOINT,
    apiKey: process.env.STEDI_API_KEY,
  });

  try {
    const readUserCommand = new ReadUserCommand({
      username: username,
    });
    const readUserResult = await sftpClient.send(readUserCommand);
    console.info(`Last connected at ${readUserResult.lastConnectedDate}.`);
  } catch (error) {
    console.info("The user doesn’t exist.");
  }
}

main();

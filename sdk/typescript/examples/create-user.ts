import { SftpClient, CreateUserCommand } from "@longshore/sdk-client-sftp";

const homeDirectory = "YOUR HOME DIRECTORY HERE";
const description = "YOUR DESCRIPTION HERE";

async function main() {
  const sftpClient = new SftpClient({
    region: "us",
    endpoint: process.env.LONGSHORE_ENDPOINT,
    apiKey: process.env.STEDI_API_KEY,
  });

  const createUserCommand = new CreateUserCommand({
    homeDirectory: homeDirectory,
    description: description,
  });

  const createUserResult = await sftpClient.send(createUserCommand);
  console.info(createUserResult);
}

main();

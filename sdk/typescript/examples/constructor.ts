import { SftpClient } from "@longshore/sdk-client-sftp";

const sftpClient = new SftpClient({
  region: "us",
  endpoint: process.env.LONGSHORE_ENDPOINT,
  apiKey: process.env.STEDI_API_KEY,
});

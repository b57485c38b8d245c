/** How a password is generated. */
export interface PasswordOptions {
  /** Characters, 16 to 128. Default 16. */
  length?: number;
}

/** Input of {@link CreateUserCommand}. */
export interface CreateUserInput {
  /** Absolute path of the home directory: letters, digits, `-_:.+`, and `/` between parts. */
  homeDirectory: string | undefined;
  /** 1 to 256 letters, digits, `-_ /`. */
  description: string | undefined;
  /** How the password is generated. */
  passwordOptions?: PasswordOptions;
  /** Bucket that the home directory lies in; default: the account's SFTP bucket. */
  bucketName?: string;
}

/** A user as the server describes it. */
export interface UserOutput {
  /** The generated name: the login. */
  username: string | undefined;
  /** The same as {@link UserOutput.username}, under the name that the documentation's tables use. */
  userName: string | undefined;
  /** The home directory as it was given. */
  homeDirectory: string | undefined;
  /** The description as it was given. */
  description: string | undefined;
  /** Bucket that the home directory lies in. */
  bucketName: string | undefined;
  /** Host name for SFTP clients. */
  endpoint: string | undefined;
  /** Port for SFTP clients; the hosted service did not send it. */
  port?: number;
  /** SHA-256 fingerprint of the server's host key; the hosted service did not send it. */
  hostKeyFingerprint?: string;
  /** Day of the last successful login, `YYYY-MM-DD` in UTC; absent if there was none. */
  lastConnectedDate?: string;
}

/** Output of {@link CreateUserCommand}: the only time the password is shown. */
export interface CreateUserOutput extends Omit<UserOutput, "lastConnectedDate"> {
  /** The generated password. */
  password: string | undefined;
}

/** Input of {@link DeleteUserCommand}. */
export interface DeleteUserInput {
  /** The generated name. */
  username: string | undefined;
}

/** Output of {@link DeleteUserCommand}. */
export interface DeleteUserOutput {}

/** Input of {@link ListUsersCommand}. */
export interface ListUsersInput {
  /** Users a page, 1 to 50. Default 25. */
  pageSize?: number;
  /** `nextPageToken` of the page before. */
  pageToken?: string;
}

/** Output of {@link ListUsersCommand}. */
export interface ListUsersOutput {
  /** Users in the order of their creation. */
  items: UserOutput[] | undefined;
  /** Present while more users follow. */
  nextPageToken?: string;
}

/** Input of {@link ReadUserCommand}. */
export interface ReadUserInput {
  /** The generated name. */
  username: string | undefined;
}

/** Output of {@link ReadUserCommand}. */
export interface ReadUserOutput extends UserOutput {}

/** Input of {@link UpdateUserCommand}. */
export interface UpdateUserInput {
  /** The generated name. */
  username: string | undefined;
  /** New description (required). */
  description: string | undefined;
  /** New home directory, for future logins. */
  homeDirectory?: string;
  /** New bucket, for future logins. */
  bucketName?: string;
}

/** Output of {@link UpdateUserCommand}. */
export interface UpdateUserOutput extends UserOutput {}

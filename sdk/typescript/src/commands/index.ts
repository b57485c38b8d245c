export * from "./CreateUserCommand.js";
export * from "./DeleteUserCommand.js";
export * from "./ListUsersCommand.js";
export * from "./ReadUserCommand.js";
export * from "./UpdateUserCommand.js";

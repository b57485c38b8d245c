// The package's types against the server's document: compiled, never run. `openapi.d.ts` is made from docs/openapi.json
// by scripts/test.mjs. A member that one side has and the other lacks, or has with another type, does not compile.

import type * as sdk from "../../dist/esm/index.js";
import type { components, paths } from "./openapi.js";

type Schemas = components["schemas"];

/** The same members with the same types; whether a member may be absent is compared apart. */
type Plain<T> = T extends readonly (infer Item)[] ? Plain<Item>[] : T extends object ? { [K in keyof T]-?: Plain<Exclude<T[K], undefined | null>> } : T;
type Same<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;
type Optional<T> = { [K in keyof T]-?: object extends Pick<T, K> ? K : never }[keyof T];
const same = <_ extends true>(): void => undefined;

/** What outputs have besides the wire's members. */
type Wire<T> = Omit<T, "$metadata" | "userName">;
type Items<T> = T extends { items: (infer Item)[] | undefined } ? Omit<T, "items" | "$metadata"> & { items: Wire<Item>[] | undefined } : never;

same<Same<Plain<sdk.CreateUserInput>, Plain<Schemas["CreateUserRequest"]>>>();
same<Same<Plain<Omit<sdk.UpdateUserInput, "username">>, Plain<Schemas["UpdateUserRequest"]>>>();
same<Same<Plain<Wire<sdk.CreateUserCommandOutput>>, Plain<Schemas["CreateUserResponse"]>>>();
same<Same<Plain<Wire<sdk.ReadUserCommandOutput>>, Plain<Schemas["UserResponse"]>>>();
same<Same<Plain<Wire<sdk.UpdateUserCommandOutput>>, Plain<Schemas["UserResponse"]>>>();
same<Same<Plain<Items<sdk.ListUsersCommandOutput>>, Plain<Schemas["ListUsersResponse"]>>>();
same<Same<Plain<sdk.ValidationExceptionField>, Plain<Schemas["FieldFailure"]>>>();

// What callers must give is what the server demands.
same<Same<Optional<sdk.CreateUserInput>, Optional<Schemas["CreateUserRequest"]>>>();
same<Same<Optional<Omit<sdk.UpdateUserInput, "username">>, Optional<Schemas["UpdateUserRequest"]>>>();
// Port and fingerprint stay optional: programs made for the hosted service build such objects in their tests.
type Ours = "port" | "hostKeyFingerprint";
same<Same<Optional<Omit<Wire<sdk.ReadUserOutput>, Ours>>, Optional<Schemas["UserResponse"]>>>();
same<Same<Optional<Omit<Wire<sdk.CreateUserOutput>, Ours>>, Optional<Schemas["CreateUserResponse"]>>>();

// Every operation of the users API is a command, with its status and query parameters.
type Users = paths["/2022-04-01/users"];
type User = paths["/2022-04-01/users/{username}"];
type Methods<T> = { [K in keyof T]-?: Exclude<T[K], undefined> extends { responses: unknown } ? ([Exclude<T[K], undefined>] extends [never] ? never : K) : never }[keyof T];
same<Same<Methods<Users>, "get" | "post">>();
same<Same<Methods<User>, "get" | "put" | "delete">>();
same<Same<Plain<NonNullable<Users["get"]["parameters"]["query"]>>, Plain<sdk.ListUsersInput>>>();
same<Same<Plain<User["get"]["parameters"]["path"]>, Plain<sdk.ReadUserInput>>>();
same<Same<Plain<User["delete"]["parameters"]["path"]>, Plain<sdk.DeleteUserInput>>>();
same<201 extends keyof Users["post"]["responses"] ? true : false>();
same<204 extends keyof User["delete"]["responses"] ? true : false>();

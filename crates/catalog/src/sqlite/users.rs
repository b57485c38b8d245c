//! Users in SQLite.

use async_trait::async_trait;
use futures::FutureExt;
use secrecy::SecretString;

use super::writer::Transaction;
use super::{NameSource, SqliteCatalog};
use crate::error::{CatalogError, Result};
use crate::limits::{MAX_PAGE_SIZE, PASSWORD_LEN, USERNAME_ATTEMPTS};
use crate::model::{
    CreatedUser, Date, Deleted, Invocation, NewUser, Timestamp, User, UserChange, UserChanges, UserId,
    UserPage,
};
use crate::random;
use crate::sql::invocations::{self, Answer};
use crate::sql::users::UserDraft;
use crate::sql::{accounts, buckets, users};
use crate::store::UserStore;

#[async_trait]
impl UserStore for SqliteCatalog {
    async fn create_user(
        &self,
        new: NewUser,
        invocation: Option<Invocation>,
        max_users: Option<u64>,
    ) -> Result<CreatedUser> {
        // Drawn and hashed here, so that the writer has less to do.
        let length = new
            .password_length
            .clamp(*PASSWORD_LEN.start(), *PASSWORD_LEN.end());
        let password = SecretString::from(random::text(random::LETTERS_DIGITS, length as usize)?);
        let verifier = self.verifiers.hash_generated(&password)?;
        let replay = match invocation {
            Some(call) => Some((self.sealer.seal(&invocations::context(&call), &password)?, call)),
            None => None,
        };
        let context = replay.as_ref().map(|(_, call)| invocations::context(call));
        let create = Create {
            account: self.account.id,
            new,
            verifier,
            replay,
            max_users,
            usernames: self.usernames.clone(),
            now: self.clock.now(),
        };
        match self
            .writer
            .write(move |tx| async move { create.run(tx).await }.boxed())
            .await?
        {
            Made::Now(user) => Ok(CreatedUser {
                user,
                password,
                replayed: false,
            }),
            Made::Before {
                user,
                sealed_password,
            } => {
                let password = self.sealer.open(&context.unwrap_or_default(), &sealed_password)?;
                Ok(CreatedUser {
                    user,
                    password,
                    replayed: true,
                })
            }
        }
    }

    async fn user(&self, username: &str) -> Result<Option<User>> {
        let mut conn = self.reader().await?;
        users::by_name(&mut conn, self.account.id, username).await
    }

    async fn update_user(&self, username: &str, changes: UserChanges) -> Result<User> {
        let (account, username) = (self.account.id, username.to_owned());
        self.writer
            .write(move |tx| async move { update(tx, account, &username, changes).await }.boxed())
            .await
    }

    async fn delete_user(&self, username: &str, invocation: Option<Invocation>) -> Result<Deleted> {
        let (account, username, now) = (self.account.id, username.to_owned(), self.clock.now());
        self.writer
            .write(move |tx| async move { delete(tx, account, &username, invocation, now).await }.boxed())
            .await
    }

    async fn list_users(&self, page_size: u32, page_token: Option<&str>) -> Result<UserPage> {
        let after = self.pages.decode(page_token)?;
        let size = page_size.clamp(1, MAX_PAGE_SIZE);
        let mut conn = self.reader().await?;
        // One more than the page holds tells whether another page follows.
        let mut users = users::page(&mut conn, self.account.id, after, i64::from(size) + 1).await?;
        let more = users.len() > size as usize;
        users.truncate(size as usize);
        let last = users.last().filter(|_| more);
        Ok(UserPage {
            next_page_token: last.map(|user| self.pages.encode(user.id.0)),
            users,
        })
    }

    async fn authenticate(&self, username: &str, password: &SecretString) -> Result<Option<User>> {
        let login = {
            let mut conn = self.reader().await?;
            users::for_login(&mut conn, self.account.id, username).await?
        };
        let right = self.verifiers.verify(login.verifier()?, password).await?;
        if right { login.user().map(Some) } else { Ok(None) }
    }

    async fn record_login(&self, user: UserId, day: Date) -> Result<()> {
        let noted = {
            let mut conn = self.reader().await?;
            users::last_connected(&mut conn, user).await?
        };
        match noted {
            // Deleted in the meantime: nothing to note.
            None => Ok(()),
            Some(noted) if noted == Some(day) => Ok(()),
            Some(_) => {
                let write = self.writer.write(move |tx| {
                    async move { users::set_last_connected(&mut tx.conn, user, day).await }.boxed()
                });
                write.await
            }
        }
    }
}

/// A user about to be made, all of it in one transaction.
struct Create {
    account: i64,
    new: NewUser,
    verifier: String,
    /// The sealed password, and the call that may ask for it again.
    replay: Option<(Vec<u8>, Invocation)>,
    max_users: Option<u64>,
    usernames: NameSource,
    now: Timestamp,
}

enum Made {
    Now(User),
    Before { user: User, sealed_password: Vec<u8> },
}

impl Create {
    async fn run(self, tx: &mut Transaction) -> Result<Made> {
        let conn = &mut tx.conn;
        if let Some((_, call)) = &self.replay {
            invocations::sweep(conn, self.now).await?;
            match invocations::find(conn, call).await? {
                Some(Answer::Created {
                    user,
                    sealed_password,
                }) => {
                    return Ok(Made::Before {
                        user,
                        sealed_password,
                    });
                }
                Some(Answer::Deleted) => return Err(CatalogError::InvocationConflict),
                None => {}
            }
        }
        let user = self.insert(tx).await?;
        if let Some((sealed_password, call)) = self.replay {
            let answer = Answer::Created {
                user: user.clone(),
                sealed_password,
            };
            invocations::insert(&mut tx.conn, &call, &answer, self.now).await?;
        }
        Ok(Made::Now(user))
    }

    async fn insert(&self, tx: &mut Transaction) -> Result<User> {
        let conn = &mut tx.conn;
        let bucket_id = buckets::id_of(conn, self.account, &self.new.bucket)
            .await?
            .ok_or(NO_BUCKET)?;
        let max = self
            .max_users
            .map_or(i64::MAX, |max| i64::try_from(max).unwrap_or(i64::MAX));
        if !accounts::count_up(conn, self.account, max).await? {
            return Err(CatalogError::UserLimit {
                max: self.max_users.unwrap_or(u64::MAX),
            });
        }
        let username = self.unused_name(tx).await?;
        let draft = UserDraft {
            account: self.account,
            username: &username,
            verifier: &self.verifier,
            home_directory: &self.new.home_directory,
            description: &self.new.description,
            bucket_id,
            created: self.now,
        };
        let id = users::insert(&mut tx.conn, &draft).await?;
        Ok(User {
            id,
            username,
            home_directory: self.new.home_directory.clone(),
            description: self.new.description.clone(),
            bucket: self.new.bucket.clone(),
            last_connected: None,
            created: self.now,
        })
    }

    async fn unused_name(&self, tx: &mut Transaction) -> Result<String> {
        for _ in 0..USERNAME_ATTEMPTS {
            let name = (self.usernames)()?;
            if users::claim_name(&mut tx.conn, &name).await? {
                return Ok(name);
            }
        }
        Err(CatalogError::Unavailable("no unused user name was found".into()))
    }
}

async fn update(tx: &mut Transaction, account: i64, username: &str, changes: UserChanges) -> Result<User> {
    let old = users::by_name(&mut tx.conn, account, username)
        .await?
        .ok_or(NO_USER)?;
    let user = User {
        description: changes.description.unwrap_or_else(|| old.description.clone()),
        home_directory: changes
            .home_directory
            .unwrap_or_else(|| old.home_directory.clone()),
        bucket: changes.bucket.unwrap_or_else(|| old.bucket.clone()),
        ..old.clone()
    };
    let bucket_id = buckets::id_of(&mut tx.conn, account, &user.bucket)
        .await?
        .ok_or(NO_BUCKET)?;
    users::update(&mut tx.conn, &user, bucket_id).await?;
    if (&user.home_directory, &user.bucket) != (&old.home_directory, &old.bucket) {
        tx.changes.push(UserChange::Remapped(user.id));
    }
    Ok(user)
}

async fn delete(
    tx: &mut Transaction,
    account: i64,
    username: &str,
    invocation: Option<Invocation>,
    now: Timestamp,
) -> Result<Deleted> {
    if let Some(call) = &invocation {
        invocations::sweep(&mut tx.conn, now).await?;
        match invocations::find(&mut tx.conn, call).await? {
            Some(Answer::Deleted) => return Ok(Deleted::Replayed),
            Some(Answer::Created { .. }) => return Err(CatalogError::InvocationConflict),
            None => {}
        }
    }
    let id = users::delete(&mut tx.conn, account, username)
        .await?
        .ok_or(NO_USER)?;
    accounts::count_down(&mut tx.conn, account).await?;
    if let Some(call) = &invocation {
        invocations::insert(&mut tx.conn, call, &Answer::Deleted, now).await?;
    }
    tx.changes.push(UserChange::Deleted(id));
    Ok(Deleted::Now)
}

const NO_USER: CatalogError = CatalogError::NotFound { what: "user" };
const NO_BUCKET: CatalogError = CatalogError::NotFound { what: "bucket" };

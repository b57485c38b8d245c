//! Questions on the terminal: passwords, passphrases, what a server wants to know, and whether a host key is the right one.
//!
//! They go to `/dev/tty`, never to standard input or output, which may be data.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};

use async_trait::async_trait;
use longshore_client::trust::{AskAboutHostKey, UnknownHostKey};
use longshore_client::{Endpoint, Interaction, Questions};
use secrecy::SecretString;

use crate::output::visible;

/// Whoever sits at the terminal.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Terminal;

impl Terminal {
    /// Whether there is a terminal to ask on.
    pub(super) fn is_there() -> bool {
        open().is_ok()
    }
}

#[async_trait]
impl Interaction for Terminal {
    async fn password(&self, user: &str, host: &Endpoint) -> Option<SecretString> {
        hidden(format!("Password of {user} on {host}: ")).await
    }

    async fn passphrase(&self, key: &str) -> Option<SecretString> {
        hidden(format!("Passphrase of the key {key}: ")).await
    }

    async fn answers(&self, host: &Endpoint, questions: &Questions) -> Option<Vec<SecretString>> {
        let heads = [&questions.name, &questions.instruction];
        let head: Vec<&str> = heads
            .into_iter()
            .map(|text| text.trim())
            .filter(|text| !text.is_empty())
            .collect();
        if !head.is_empty() {
            say(format!("{host} says: {}", head.join(": "))).await?;
        }
        let mut answers = Vec::new();
        for prompt in &questions.prompts {
            let text = format!("({host}) {}", prompt.text);
            answers.push(if prompt.echo {
                line(text).await?.into()
            } else {
                hidden(text).await?
            });
        }
        Some(answers)
    }
}

#[async_trait]
impl AskAboutHostKey for Terminal {
    async fn trust(&self, question: &UnknownHostKey) -> bool {
        let mut text = format!(
            "The host key of {} is not known: {} {}\n",
            question.name, question.algorithm, question.fingerprint
        );
        if let Some((file, at)) = question.also_known_at.first() {
            text += &format!(
                "The same key is known under another name: {}:{at}\n",
                file.display()
            );
        }
        text += "Is that what its operator told you? Answer yes, no, or paste the fingerprint: ";
        let Some(answer) = line_as_is(text).await else {
            return false;
        };
        let answer = answer.trim();
        answer == "yes" || answer == question.fingerprint
    }
}

/// What is typed while nothing shows; `None` if nobody can be asked.
async fn hidden(prompt: String) -> Option<SecretString> {
    let ask = move || rpassword::prompt_password(visible(&prompt)).ok();
    tokio::task::spawn_blocking(ask)
        .await
        .ok()?
        .map(SecretString::from)
}

/// What is typed, in answer to somebody else's words.
async fn line(prompt: String) -> Option<String> {
    line_as_is(visible(&prompt)).await
}

async fn line_as_is(prompt: String) -> Option<String> {
    let ask = move || -> io::Result<String> {
        let mut terminal = open()?;
        terminal.write_all(prompt.as_bytes())?;
        let mut answer = String::new();
        if BufReader::new(terminal).read_line(&mut answer)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(answer.trim_end_matches(['\r', '\n']).to_owned())
    };
    tokio::task::spawn_blocking(ask).await.ok()?.ok()
}

async fn say(text: String) -> Option<()> {
    let say = move || open()?.write_all(format!("{}\n", visible(&text)).as_bytes());
    tokio::task::spawn_blocking(say).await.ok()?.ok()
}

fn open() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/tty")
}

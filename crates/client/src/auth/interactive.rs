//! Keyboard-interactive (RFC 4256): the server asks in rounds, as many as it likes within reason.

use longshore_ssh::client::{InteractiveReply, Questions};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use super::method::Answers;
use super::{Attempt, Outcome, within};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::limits::INTERACTIVE_ROUNDS;

/// Who answers.
enum Source<'a> {
    Person,
    List(std::slice::Iter<'a, SecretString>),
    /// The password, to one hidden question.
    Password(Option<&'a SecretString>),
}

impl Attempt<'_> {
    pub(super) async fn interactive(&mut self, answers: &Answers) -> Result<Outcome> {
        match answers {
            Answers::Ask => self.rounds(Source::Person).await,
            Answers::Given(list) => self.rounds(Source::List(list.iter())).await,
        }
    }

    pub(super) async fn password_by_questions(&mut self, password: &SecretString) -> Result<Outcome> {
        self.rounds(Source::Password(Some(password))).await
    }

    async fn rounds(&mut self, mut source: Source<'_>) -> Result<Outcome> {
        let limit = self.limit();
        let start = self.session.interactive_start(&self.options.user);
        let mut reply = within(limit, &self.host, start).await?;
        for _ in 0..INTERACTIVE_ROUNDS {
            let questions = match reply {
                InteractiveReply::Done(reply) => return self.note("keyboard-interactive".to_owned(), reply),
                InteractiveReply::Questions(questions) => questions,
            };
            let answers = self.answers(&questions, &mut source).await;
            self.info.prompts.push(questions);
            let Some(answers) = answers else {
                // There is no way to give up a dialogue but another request, which the transport does not send now.
                return Err(self.unanswered());
            };
            let sent = self.session.interactive_answer(answers);
            reply = within(limit, &self.host, sent).await?;
        }
        let message = format!(
            "{}: more than {INTERACTIVE_ROUNDS} rounds of questions",
            self.host
        );
        Err(Error::new(ErrorKind::Protocol, Stage::Auth, message))
    }

    async fn answers(
        &self,
        questions: &Questions,
        source: &mut Source<'_>,
    ) -> Option<Vec<Zeroizing<String>>> {
        let count = questions.prompts.len();
        if count == 0 {
            return Some(Vec::new());
        }
        let exposed = |secret: &SecretString| Zeroizing::new(secret.expose_secret().to_owned());
        match source {
            Source::Person => {
                let answers = self
                    .interaction
                    .answers(&self.options.endpoint, questions)
                    .await?;
                (answers.len() == count).then(|| answers.iter().map(exposed).collect())
            }
            Source::List(list) => {
                let answers: Vec<_> = list.by_ref().take(count).map(exposed).collect();
                (answers.len() == count).then_some(answers)
            }
            Source::Password(password) => {
                let hidden = matches!(questions.prompts.as_slice(), [only] if !only.echo);
                let password = if hidden { password.take() } else { None };
                password.map(|password| vec![exposed(password)])
            }
        }
    }

    fn unanswered(&self) -> Error {
        let asked = self.info.prompts.last();
        let texts = asked
            .into_iter()
            .flat_map(|questions| &questions.prompts)
            .map(|prompt| format!("\"{}\"", prompt.text.trim().escape_debug()));
        let message = format!(
            "{}: the server asks {}, and there is no answer",
            self.host,
            texts.collect::<Vec<_>>().join(", ")
        );
        Error::new(ErrorKind::AuthFailed, Stage::Auth, message)
            .hint("answer on a terminal, or give the answers")
    }
}

//! One request over one connection: TCP or the admin socket.

use std::io;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, USER_AGENT};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use super::answer::Answer;
use super::key::ApiKey;
use super::target::Target;
use super::url::Url;
use crate::data_dir::DataDir;
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::limits::{CLIENT_ANSWER_TIMEOUT, CLIENT_BODY_MAX, CLIENT_CONNECT_TIMEOUT};
use crate::serve::AdminSocketPath;

/// Speaks to one server.
#[derive(Debug)]
pub struct Client {
    target: Target,
}

impl Client {
    /// A client of this server. Connects only when asked something.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self { target }
    }

    /// Sends one request and takes its answer. `path` starts with `/` and is already percent-encoded.
    ///
    /// # Errors
    /// [`ExitCode::Unreachable`] when no server answers, [`ExitCode::Unauthorized`] when the admin socket is
    /// not ours to use. What the server says is in the [`Answer`].
    pub async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        match &self.target {
            Target::Http { url, key } => {
                let request = build(
                    method,
                    &format!("{}{path}", url.base()),
                    url.authority(),
                    Some(key),
                    body,
                )?;
                let stream = connect_tcp(url).await?;
                exchange(stream, request, &url.to_string()).await
            }
            Target::AdminSocket(dir) => {
                let request = build(method, path, "localhost", None, body)?;
                let stream = connect_admin(dir).await?;
                exchange(
                    stream,
                    request,
                    &format!("the admin socket of {}", dir.path().display()),
                )
                .await
            }
        }
    }
}

fn build(
    method: Method,
    path: &str,
    host: &str,
    key: Option<&ApiKey>,
    body: Option<&Value>,
) -> Result<Request<Full<Bytes>>> {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, host)
        .header(USER_AGENT, concat!("longshore/", env!("CARGO_PKG_VERSION")));
    if let Some(key) = key {
        let text = zeroize::Zeroizing::new(format!("Key {}", key.secret().expose_secret()));
        let mut value = HeaderValue::from_str(&text).map_err(internal)?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    let bytes = match body {
        Some(body) => {
            request = request.header(CONTENT_TYPE, "application/json");
            Bytes::from(body.to_string())
        }
        None => Bytes::new(),
    };
    request.body(Full::new(bytes)).map_err(internal)
}

async fn connect_tcp(url: &Url) -> Result<TcpStream> {
    let fail = || {
        CliError::new(ExitCode::Unreachable, format!("cannot reach the server at {url}"))
            .hint("is `longshore serve` running there, and is this the address of its API?")
    };
    match timeout(CLIENT_CONNECT_TIMEOUT, TcpStream::connect(url.host_and_port())).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(fail().because(error)),
        Err(_) => Err(fail().because(format!("no answer within {} s", CLIENT_CONNECT_TIMEOUT.as_secs()))),
    }
}

async fn connect_admin(dir: &DataDir) -> Result<UnixStream> {
    let place = || format!("the server of the data directory {}", dir.path().display());
    let connect = async {
        let path = AdminSocketPath::open(&dir.run())?;
        UnixStream::connect(path.address()).await
    };
    match connect.await {
        Ok(stream) => Ok(stream),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(CliError::new(ExitCode::Unauthorized, format!("cannot use the admin socket of {}", place()))
                .because(error)
                .hint("run the command as the user that runs the server, or use --url with --api-key-file"))
        }
        Err(error) => Err(CliError::new(ExitCode::Unreachable, format!("cannot reach {}", place()))
            .because(error)
            .hint(
                "start it with `longshore serve`, name its directory with --data-dir, or reach a server elsewhere with --url",
            )),
    }
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>, place: &str) -> Result<Answer>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let broken = || CliError::new(ExitCode::Unreachable, format!("no answer from {place}"));
    let talk = async {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(connection);
        let response = sender.send_request(request).await?;
        drop(sender);
        let answer = read(response).await;
        driver.abort();
        answer
    };
    match timeout(CLIENT_ANSWER_TIMEOUT, talk).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => Err(broken()
            .because(error)
            .hint("the server's log may say why; nothing is known about the request")),
        Err(_) => Err(broken().because(format!(
            "nothing came within {} s",
            CLIENT_ANSWER_TIMEOUT.as_secs()
        ))),
    }
}

type Talk<T> = std::result::Result<T, hyper::Error>;

async fn read(response: Response<hyper::body::Incoming>) -> Talk<Result<Answer>> {
    let (parts, body) = response.into_parts();
    let bytes = match Limited::new(body, CLIENT_BODY_MAX).collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) => {
            return Ok(Err(
                CliError::new(ExitCode::Unreachable, "the answer broke off").because(error)
            ));
        }
    };
    let request_id = parts
        .headers
        .get("x-amzn-requestid")
        .and_then(|id| id.to_str().ok())
        .map(str::to_owned);
    let body = if bytes.is_empty() {
        Ok(Value::Null)
    } else {
        serde_json::from_slice(&bytes)
    };
    Ok(match body {
        Ok(body) => Ok(Answer {
            status: parts.status,
            body,
            request_id,
        }),
        // An error page of something in between: its status still says something.
        Err(_) if !parts.status.is_success() => Ok(Answer {
            status: parts.status,
            body: Value::Null,
            request_id,
        }),
        Err(error) => Err(CliError::new(ExitCode::ServerFault, "the answer is not JSON")
            .because(error)
            .hint("is this the address of a longshore API?")),
    })
}

fn internal(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> CliError {
    CliError::new(ExitCode::Failure, "cannot build the request").because(error)
}

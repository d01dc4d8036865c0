//! Credential helpers: programs that hold secrets, `docker-credential-NAME`.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::credentials::credential::Credential;
use crate::error::{Error, Result};

const PATIENCE: Duration = Duration::from_secs(30);
const LIMIT: u64 = 64 << 10;
/// What every helper prints when it holds no credential: part of their protocol.
const NOT_FOUND: &str = "credentials not found in native keychain";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperAnswer {
    username: String,
    secret: String,
}

/// Asks a helper for what it holds for a server.
pub(super) async fn ask(name: &str, server: &str) -> Result<Option<Credential>> {
    let program = format!("docker-credential-{name}");
    // The name is part of a program's name, never a path.
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) {
        return Err(failed(&program, "this is not the name of a helper".into()));
    }
    consult(&program, server, PATIENCE).await
}

/// Runs this program as a helper.
pub(super) async fn consult(
    program: &str,
    server: &str,
    patience: Duration,
) -> Result<Option<Credential>> {
    let failed = |reason| failed(program, reason);
    let run = timeout(patience, run(program, server)).await;
    let run = run.map_err(|_| failed(format!("no answer within {} s", patience.as_secs_f32())))?;
    let (success, output) = run.map_err(|e| failed(format!("it cannot be run: {e}")))?;
    if !success {
        let said = String::from_utf8_lossy(&output);
        return match said.trim() {
            NOT_FOUND => Ok(None),
            said => {
                let said: String = said.chars().filter(|c| !c.is_control()).take(200).collect();
                Err(failed(format!("it failed: {said}")))
            }
        };
    }
    // The parser's message may quote the secret.
    let answer: HelperAnswer = serde_json::from_slice(&output)
        .map_err(|_| failed("its answer is not understood".into()))?;
    Ok(Some(match answer.username.as_str() {
        "<token>" => Credential::IdentityToken(answer.secret.into()),
        _ => Credential::Basic { user: answer.username, password: answer.secret.into() },
    }))
}

fn failed(program: &str, reason: String) -> Error {
    Error::Invalid { what: "credential helper", text: program.to_owned(), reason }
}

/// Whether it succeeded, and what it printed.
async fn run(program: &str, server: &str) -> io::Result<(bool, Vec<u8>)> {
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    tell(&mut child, server).await?;
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(LIMIT).read_to_end(&mut output).await?;
    }
    Ok((child.wait().await?.success(), output))
}

async fn tell(child: &mut Child, server: &str) -> io::Result<()> {
    let Some(mut stdin) = child.stdin.take() else { return Ok(()) };
    match stdin.write_all(server.as_bytes()).await {
        // A helper that does not read what it is told may still answer.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome,
    }
}

#![forbid(unsafe_code)]

use crate::gatehouse::{Config, Connection, Host, Next, Plugin, Result};
use std::io::{Read, Write};
use std::time::Duration;

/// Answers each line of a client with a line. A client that has sent half a line holds no thread.
pub struct Lines {
    longest: u64,
    patience: Duration,
}

/// What a connection keeps between two calls of serve().
#[derive(Default)]
pub struct Session {
    line: Vec<u8>, // the part that has arrived so far
}

impl Plugin for Lines {
    type Session = Session;

    const TRY_IT: &'static str = "nc {host} {port}";

    fn create(config: &Config, _host: &Host) -> Result<Self> {
        Ok(Lines {
            longest: config.size("longest", 1024),
            patience: config.duration("patience", Duration::from_secs(10)),
        })
    }

    fn serve(&self, client: &mut Connection, session: &mut Session) -> Result<Next> {
        let mut buffer = [0; 4096];
        let size = client.read(&mut buffer)?; // a deadline, a drain and a reset are errors, and close the connection
        if size == 0 {
            return Ok(Next::Close);
        }
        let mut answers = Vec::new();
        for &byte in &buffer[..size] {
            if byte == b'\n' {
                answers.extend(answer_to(&session.line));
                answers.push(b'\n');
                session.line.clear();
            } else if session.line.len() as u64 == self.longest {
                // Clients are hostile: what grows has a limit.
                return Err(format!("a line is longer than {} bytes", self.longest).into());
            } else {
                session.line.push(byte);
            }
        }
        // Whoever begins a line has some time to end it.
        if session.line.is_empty() {
            client.clear_deadline();
        } else if session.line.len() <= size {
            client.set_deadline(self.patience);
        }
        client.write_all(&answers)?;
        Ok(Next::Park)
    }
}

/// Your protocol begins here.
fn answer_to(line: &[u8]) -> Vec<u8> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    line.iter().rev().copied().collect()
}

#![forbid(unsafe_code)]

use crate::gatehouse::{Config, Connection, Host, Next, Plugin, Result};
use std::io::{Read, Write};

/// Sends back what a client says.
pub struct Echo;

impl Plugin for Echo {
    type Session = (); // a connection keeps nothing between two calls of serve()

    const TRY_IT: &'static str = "nc {host} {port}";

    fn create(_config: &Config, _host: &Host) -> Result<Self> {
        Ok(Echo) // a key that nobody reads is refused by the host
    }

    fn serve(&self, client: &mut Connection, _session: &mut ()) -> Result<Next> {
        let mut buffer = [0; 16384];
        let size = client.read(&mut buffer)?;
        if size == 0 {
            return Ok(Next::Close);
        }
        client.write_all(&buffer[..size])?;
        Ok(Next::Park) // until there is more to read; meanwhile the client holds no thread
    }
}

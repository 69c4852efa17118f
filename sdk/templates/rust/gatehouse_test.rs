//! What gatehouse.rs makes of a plugin: nothing that goes wrong in it reaches the host, and what it keeps is freed.
use crate::gatehouse::{
    Config, Connection, Event, Fact, Host, How, Level, Next, Plugin, Result, Status,
};
use crate::kit::{self, Step, Value};
use std::io::{IoSlice, Read, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Does what its client says: each line is a command.
struct Puppet {
    host: Host,
    sessions: Arc<()>,
}

#[derive(Default)]
struct Session {
    calls: usize,
    alive: Option<Arc<()>>,
}

/// An error that cannot say what it is.
#[derive(Debug)]
struct Unspeakable;

impl std::fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("no words")
    }
}

impl std::error::Error for Unspeakable {}

static KEPT: Mutex<Option<(Host, Arc<()>)>> = Mutex::new(None); // what outlives the plugin of one test

impl Plugin for Puppet {
    type Session = Session;

    fn create(config: &Config, host: &Host) -> Result<Self> {
        match config.string("create", "") {
            "fails" => return Err("no".into()),
            "fails without words" => return Err(Unspeakable.into()),
            "panics" => panic!("created by nobody"),
            "rejects" => config.reject("create", "is not to my liking"),
            _ => {}
        }
        Ok(Puppet {
            host: host.clone(),
            sessions: Arc::default(),
        })
    }

    fn serve(&self, client: &mut Connection, session: &mut Session) -> Result<Next> {
        session.calls += 1;
        session.alive.get_or_insert_with(|| self.sessions.clone());
        let mut buffer = [0; 100];
        let size = client.read(&mut buffer)?;
        match std::str::from_utf8(&buffer[..size])? {
            "" => return Ok(Next::Close),
            "panic" => panic!("{} calls are too many", session.calls),
            "panic with a number" => std::panic::panic_any(7),
            "index" => client.write_all(&buffer[size + 100..])?,
            "fail" => return Err("it fails".into()),
            "number" => assert_eq!("seven".parse::<i32>()?, 7),
            "four" => client.read_exact(&mut buffer[..4])?,
            "wait" => {
                client.set_deadline(Duration::from_secs(5));
                let error = client.read(&mut buffer).unwrap_err();
                assert_eq!(Status::of(&error), Some(Status::TIMER));
                client.write_all(error.to_string().as_bytes())?;
            }
            "parts" => {
                let parts = [b"a".as_slice(), b"", b"bc"].map(IoSlice::new);
                assert_eq!(client.write_vectored(&parts)?, 3);
            }
            "more" => {
                while let Ok(size) = client.read_now(&mut buffer) {
                    client.write_all(&buffer[..size])?;
                }
                let error = client.read_now(&mut buffer).unwrap_err();
                assert_eq!(Status::of(&error), Some(Status::AGAIN));
            }
            "unspeakable" => return Err(Unspeakable.into()),
            "send" => assert_eq!(client.send(b"sent")?, 0),
            "facts" => {
                assert_eq!(client.fact(Fact::TlsSni), None);
                write!(
                    client,
                    "{} {} {:?} {}",
                    client.id(),
                    client.peer(),
                    client.event(),
                    session.calls
                )?;
            }
            "host" => {
                self.host.log(Level::Info, "hello");
                assert!(self.host.wake(7) && self.host.end(8, How::Reset) && !self.host.stopping());
            }
            "keep" => *KEPT.lock().unwrap() = Some((self.host.clone(), self.sessions.clone())),
            other => panic!("unknown command {other}"),
        }
        Ok(Next::Park)
    }

    fn closed(&self, id: u64, session: Session, reason: &str) {
        self.host.log(
            Level::Debug,
            &format!("closed {id} {reason} {}", session.calls),
        );
        assert!(session.calls < 3, "it was called too often");
    }
}

fn serve(steps: &[Step]) -> kit::Outcome {
    kit::Plugin::<Puppet>::new().serve(steps)
}

fn refusal(create: &'static str) -> String {
    kit::refusal::<Puppet>(&[("create", Value::Text(create))])
}

#[test]
fn a_panic_ends_its_connection_only() {
    let puppet = kit::Plugin::<Puppet>::new();
    let outcome = puppet.serve(&["panic".into()]);
    assert_eq!(outcome.reason, "plugin_exception");
    let (text, line) = outcome.error.rsplit_once(':').expect("it names the place");
    assert_eq!(
        text,
        "serve() panicked: 1 calls are too many, in gatehouse_test.rs"
    );
    assert!(line.parse::<u32>().is_ok(), "{line}");
    assert!(puppet
        .serve(&["index".into()])
        .error
        .contains("out of range"));
    assert!(puppet
        .serve(&["panic with a number".into()])
        .error
        .contains("something that is no text"));
    let unspeakable = puppet.serve(&["unspeakable".into()]);
    assert_eq!(unspeakable.reason, "plugin_error");
    assert!(unspeakable
        .error
        .starts_with("the error's text panicked: no words, in "));
    assert_eq!(puppet.serve(&["send".into()]).output, "sent");
}

#[test]
fn a_panic_elsewhere_is_refused_or_logged() {
    assert!(refusal("panics").starts_with("create() panicked: created by nobody, in "));
    assert!(refusal("fails without words").contains("no words"));
    let puppet = kit::Plugin::<Puppet>::new();
    puppet.serve(&["send".into(), "send".into(), "send".into()]);
    let heard = puppet.heard();
    assert_eq!(heard[0], "log closed 1 drained 3");
    assert!(
        heard[1].starts_with("log closed() panicked: it was called too often, in "),
        "{heard:?}"
    );
}

#[test]
fn an_error_is_the_plugins_unless_the_connection_has_ended() {
    let outcome = serve(&["fail".into()]);
    assert_eq!(
        (outcome.reason, outcome.error.as_str()),
        ("plugin_error", "it fails")
    );
    assert_eq!(
        serve(&["number".into()]).error,
        "invalid digit found in string"
    );
    assert_eq!(
        serve(&["four".into(), "abc".into(), Step::End]).reason,
        "peer_closed"
    );
    let gone = kit::Plugin::<Puppet>::new()
        .client_takes(1)
        .serve(&["parts".into()]);
    assert_eq!((gone.reason, gone.error.as_str()), ("peer_reset", ""));
}

#[test]
fn a_create_says_why_it_refuses() {
    assert_eq!(refusal("fails"), "no");
    assert_eq!(refusal("rejects"), "create: is not to my liking");
    assert_eq!(refusal("is well"), "");
}

#[test]
fn reads_and_writes() {
    assert_eq!(
        serve(&["four".into(), "ab".into(), "cd".into(), "parts".into()]).output,
        "abc"
    );
    assert_eq!(
        serve(&["more".into(), "ab".into(), "cd".into()]).output,
        "abcd"
    );
    let wait = [
        "wait".into(),
        Step::Pass(Duration::from_secs(9)),
        "send".into(),
    ];
    assert_eq!(serve(&wait).output, "the plugin's deadline has passedsent");
    assert_eq!(serve(&["facts".into()]).output, "1 192.0.2.1:40123 Open 1");
    assert_eq!(
        serve(&["send".into(), "facts".into()]).output,
        "sent1 192.0.2.1:40123 Data 2"
    );
    assert_eq!(serve(&["send".into(), Step::Stopping]).reason, "done");
    let puppet = kit::Plugin::<Puppet>::new();
    puppet.serve(&["host".into()]);
    assert_eq!(
        puppet.heard(),
        ["log hello", "wake 7", "end 8 2", "log closed 1 drained 1"]
    );
}

#[test]
fn a_host_that_is_kept_goes_dead_and_sessions_are_freed() {
    serve(&["keep".into()]);
    let (host, sessions) = KEPT.lock().unwrap().take().expect("it was kept");
    assert!(!host.wake(7) && !host.end(7, How::Close));
    host.log(Level::Error, "nobody hears it");
    assert_eq!(Arc::strong_count(&sessions), 1);
}

/// Repeats its configuration.
struct Typed(String);

impl Plugin for Typed {
    type Session = ();
    const SERVER_FIRST: bool = true;

    fn create(config: &Config, _host: &Host) -> Result<Self> {
        Ok(Typed(format!(
            "{} {} {} {:?} {} {} {}",
            config.required_string("name"),
            config.integer("times", 1..=10, 1),
            config.boolean("loud", true),
            config.duration("every", Duration::from_millis(1500)),
            config.size("most", 512),
            config.items("list").len(),
            config.table("inner").is_some(),
        )))
    }

    fn serve(&self, client: &mut Connection, _session: &mut ()) -> Result<Next> {
        assert_eq!(client.event(), Event::Open);
        client.write_all(self.0.as_bytes())?;
        Ok(Next::Close)
    }
}

#[test]
fn a_configuration_is_typed() {
    let name = ("name", Value::Text("Ann"));
    assert_eq!(
        kit::Plugin::<Typed>::with(&[name]).serve(&[]).output,
        "Ann 1 true 1.5s 512 0 false"
    );
    let rest = [
        ("times", Value::Integer(10)),
        ("loud", Value::Boolean(false)),
        ("every", Value::Time(Duration::from_secs(60))),
        ("most", Value::Size(1)),
    ];
    let all: Vec<_> = rest.iter().copied().chain([name]).collect();
    assert_eq!(
        kit::Plugin::<Typed>::with(&all).serve(&[]).output,
        "Ann 10 false 60s 1 0 false"
    );
    assert_eq!(
        kit::refusal::<Typed>(&rest),
        "name: missing (expected a string)"
    );
    let wrong = [
        name,
        ("times", Value::Integer(11)),
        ("loud", Value::Text("yes")),
    ];
    assert_eq!(
        kit::refusal::<Typed>(&wrong),
        "times: expected an integer from 1 to 10; loud: expected true or false"
    );
}

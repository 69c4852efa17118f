//! A fake host for tests, without sockets, threads or clocks. A test says what a client does, and looks at the outcome:
//!
//!     let outcome = Plugin::<Echo>::new().serve(&["hello".into(), Step::End]);
//!     assert_eq!(outcome.output, "hello");
//!
//! It calls the plugin as the real host does, by the table that the host gets.
#![allow(dead_code)] // a plugin's tests use some of it
use crate::abi;
use crate::gatehouse;
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::os::raw::c_void;
use std::sync::Mutex;
use std::time::Duration;

/// What a client does, or what happens to it.
#[derive(Clone)]
pub enum Step {
    /// Bytes that arrive together.
    Bytes(Vec<u8>),
    /// It finishes sending.
    End,
    /// It is gone.
    Reset,
    /// Somebody wakes it.
    Wake,
    /// The host drains.
    Stopping,
    /// Time goes by: a deadline of the plugin's may pass.
    Pass(Duration),
}

impl From<&str> for Step {
    fn from(text: &str) -> Step {
        Step::Bytes(text.as_bytes().to_vec())
    }
}

/// A value of the plugin's configuration.
#[derive(Clone, Copy)]
pub enum Value {
    Text(&'static str),
    Integer(i64),
    Boolean(bool),
    Time(Duration),
    Size(u64),
}

/// How a connection went.
#[derive(Debug)]
pub struct Outcome {
    /// What the client has been sent.
    pub output: String,
    /// The host's word for why it ended; "" if it is still parked.
    pub reason: &'static str,
    /// The plugin's own words for its failure.
    pub error: String,
}

/// A plugin in the fake host.
pub struct Plugin<P> {
    table: abi::Plugin,
    me: *mut c_void,
    instance: Box<Instance>,
    client_takes: usize,
    plugin: PhantomData<P>,
}

impl<P: gatehouse::Plugin> Plugin<P> {
    /// Without a configuration.
    pub fn new() -> Self {
        Self::with(&[])
    }

    pub fn with(config: &[(&'static str, Value)]) -> Self {
        Self::create(config).unwrap_or_else(|refusal| panic!("the plugin is refused: {refusal}"))
    }

    /// Clients go away after this many bytes.
    pub fn client_takes(mut self, bytes: usize) -> Self {
        self.client_takes = bytes;
        self
    }

    /// Serves a new client. If it is parked in the end it is closed then.
    pub fn serve(&self, steps: &[Step]) -> Outcome {
        let mut client = Client {
            script: steps.iter().cloned().collect(),
            output: Vec::new(),
            room: self.client_takes,
            failed: false,
            event: abi::EVENT_OPEN,
            opened: false,
            has_read: false,
            due: None,
            deadline: None,
            state: std::ptr::null_mut(),
            reason: "done",
        };
        let reason = self.run(&mut client);
        if client.opened {
            let reason = abi::Str::new(if reason.is_empty() { "drained" } else { reason });
            // SAFETY: this is the end of the connection.
            unsafe { (self.table.closed.unwrap())(self.me, 1, client.state, reason) };
        }
        Outcome {
            output: String::from_utf8(client.output).expect("a test of text"),
            reason,
            error: take(&self.instance.error),
        }
    }

    /// Serves `input` cut at every byte, and returns the output, which is the same each time.
    pub fn serve_every_split(&self, input: &str) -> String {
        let bytes = input.as_bytes();
        let whole = self.serve(&[input.into()]).output;
        for at in 1..bytes.len() {
            let parts = [&bytes[..at], &bytes[at..]].map(|part| Step::Bytes(part.to_vec()));
            assert_eq!(self.serve(&parts).output, whole, "cut at byte {at}");
        }
        let single: Vec<Step> = bytes.iter().map(|byte| Step::Bytes(vec![*byte])).collect();
        assert_eq!(self.serve(&single).output, whole, "byte by byte");
        whole
    }

    /// What the plugin has said to the host since the last time: "log TEXT", "wake ID", "end ID HOW".
    pub fn heard(&self) -> Vec<String> {
        take(&self.instance.heard)
    }

    fn create(config: &[(&'static str, Value)]) -> Result<Self, String> {
        let table = gatehouse::table::<P>("test", "0");
        let instance = Box::new(Instance {
            values: config.to_vec(),
            ..Instance::default()
        });
        let raw: *const Instance = &*instance;
        let mut me = std::ptr::null_mut();
        // SAFETY: it gets a host's table, and an instance that lives longer than `me`.
        let status = unsafe { (table.create.unwrap())(&HOST, raw as *mut _, raw.cast(), &mut me) };
        let mut refusals = take(&instance.refusals);
        if refusals.is_empty() {
            refusals = if status == abi::OK {
                instance.unknown_keys()
            } else {
                vec![take(&instance.error)]
            };
        }
        // SAFETY: each is called after those that have to come before.
        unsafe {
            if status == abi::OK && refusals.is_empty() && (table.start.unwrap())(me) != abi::OK {
                refusals.push(take(&instance.error));
            }
            if status == abi::OK && !refusals.is_empty() {
                (table.destroy.unwrap())(me);
            }
        }
        if refusals.is_empty() {
            Ok(Plugin {
                table,
                me,
                instance,
                client_takes: usize::MAX,
                plugin: PhantomData,
            })
        } else {
            Err(refusals.join("; "))
        }
    }

    /// Runs a connection as the host does, until it ends or nothing more happens; the reason why it has ended.
    fn run(&self, client: &mut Client) -> &'static str {
        loop {
            let event = match client.script.front() {
                None if client.opened || !P::SERVER_FIRST => return "",
                None | Some(Step::Bytes(_) | Step::End) => abi::EVENT_DATA,
                Some(Step::Reset) => return "peer_reset",
                Some(Step::Wake) => {
                    client.script.pop_front();
                    abi::EVENT_WAKE
                }
                Some(Step::Stopping) => {
                    client.script.pop_front();
                    client.due = Some(abi::STOPPING);
                    abi::EVENT_STOPPING
                }
                Some(Step::Pass(_)) => match client.pass() {
                    Some(status) => {
                        client.due = Some(status);
                        abi::EVENT_TIMER
                    }
                    None => continue,
                },
            };
            client.event = if client.opened {
                event
            } else {
                abi::EVENT_OPEN
            };
            client.opened = true;
            client.has_read = false;
            let raw: *mut Client = client;
            // SAFETY: the client lives until its closed(), and has one thread.
            let next = unsafe { (self.table.serve.unwrap())(self.me, raw.cast()) };
            match next {
                abi::NEXT_PARK | abi::NEXT_WAIT if client.failed => return "peer_reset",
                abi::NEXT_PARK if client.event == abi::EVENT_DATA && !client.has_read => {
                    panic!("serve() parked without reading: the host would call it again at once, for ever")
                }
                abi::NEXT_PARK | abi::NEXT_WAIT => client.due = None,
                abi::NEXT_CLOSE if client.failed => return "peer_reset",
                abi::NEXT_CLOSE => return client.reason,
                abi::NEXT_EXCEPTION => return "plugin_exception",
                _ => return "plugin_error",
            }
        }
    }
}

impl<P> Drop for Plugin<P> {
    fn drop(&mut self) {
        // SAFETY: it has been started, and serves nobody.
        unsafe {
            (self.table.stop.unwrap())(self.me);
            (self.table.destroy.unwrap())(self.me);
        }
    }
}

/// Why the host refuses the plugin with this configuration; "" if it takes it.
pub fn refusal<P: gatehouse::Plugin>(config: &[(&'static str, Value)]) -> String {
    Plugin::<P>::create(config).err().unwrap_or_default()
}

fn take<T: Default>(from: &Mutex<T>) -> T {
    std::mem::take(&mut *from.lock().unwrap())
}

/// The host's side of the plugin, and its configuration.
#[derive(Default)]
struct Instance {
    values: Vec<(&'static str, Value)>,
    known: Mutex<Vec<String>>, // the keys that the plugin has asked for
    refusals: Mutex<Vec<String>>,
    error: Mutex<String>,
    heard: Mutex<Vec<String>>, // what the plugin has said to the host
}

impl Instance {
    fn find(&self, key: &str) -> Option<Value> {
        let mut known = self.known.lock().unwrap();
        if !known.iter().any(|name| name == key) {
            known.push(key.to_string());
        }
        self.values
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| *value)
    }

    fn refuse(&self, key: &str, why: &str) -> i32 {
        self.refusals.lock().unwrap().push(format!("{key}: {why}"));
        abi::INVALID
    }

    fn unknown_keys(&self) -> Vec<String> {
        let known = self.known.lock().unwrap();
        let unknown = self
            .values
            .iter()
            .filter(|(name, _)| !known.iter().any(|key| key == name));
        unknown
            .map(|(name, _)| format!("{name}: unknown key (known here: {})", known.join(", ")))
            .collect()
    }
}

struct Client {
    script: VecDeque<Step>,
    output: Vec<u8>,
    room: usize,  // how many bytes it still takes
    failed: bool, // it is gone
    event: i32,
    opened: bool,
    has_read: bool,
    due: Option<i32>, // what the next read that would wait says
    deadline: Option<Duration>,
    state: *mut c_void,
    reason: &'static str, // if serve() closes now
}

impl Client {
    /// Lets the time of the next step go by; TIMER if the deadline passes.
    fn pass(&mut self) -> Option<i32> {
        let time = match self.script.pop_front() {
            Some(Step::Pass(time)) => time,
            _ => return None,
        };
        match self.deadline {
            Some(left) if left <= time => {
                self.deadline = None;
                self.script.push_front(Step::Pass(time - left));
                self.reason = "deadline";
                Some(abi::TIMER)
            }
            left => {
                self.deadline = left.map(|left| left - time);
                None
            }
        }
    }

    fn read(&mut self, buffer: &mut [u8], waits: bool) -> Result<usize, i32> {
        self.has_read = true;
        loop {
            match self.script.front_mut() {
                Some(Step::Bytes(bytes)) => {
                    let size = bytes.len().min(buffer.len());
                    buffer[..size].copy_from_slice(&bytes[..size]);
                    bytes.drain(..size);
                    if bytes.is_empty() {
                        self.script.pop_front();
                    }
                    if size > 0 {
                        return Ok(size);
                    }
                }
                Some(Step::End) => {
                    self.reason = "peer_closed";
                    return Err(abi::END);
                }
                Some(Step::Reset) => {
                    self.failed = true;
                    return Err(abi::RESET);
                }
                _ if self.due.is_some() => return Err(self.due.take().unwrap()),
                _ if !waits => return Err(abi::AGAIN),
                Some(Step::Pass(_)) => self.due = self.pass(),
                Some(Step::Wake) => {
                    self.script.pop_front(); // nobody waits for it
                }
                Some(Step::Stopping) => {
                    self.script.pop_front();
                    return Err(abi::STOPPING);
                }
                None => panic!("the plugin would wait for ever: its client says nothing more"),
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> i32 {
        assert!(!self.failed, "the plugin writes after a write has failed");
        let size = bytes.len().min(self.room);
        self.output.extend_from_slice(&bytes[..size]);
        self.room -= size;
        self.failed = size < bytes.len();
        if self.failed {
            abi::RESET
        } else {
            abi::OK
        }
    }
}

// The host's table. SAFETY: a `conn` is a Client, an `instance` and a `config` are an Instance, and all pointers are what
// gatehouse.rs passes: valid during the call.

unsafe fn client<'a>(conn: *mut abi::Conn) -> &'a mut Client {
    &mut *conn.cast()
}

unsafe fn config<'a>(config: *const abi::Config, key: abi::Str) -> (&'a Instance, &'a str) {
    (&*config.cast(), text(key))
}

unsafe fn text<'a>(text: abi::Str) -> &'a str {
    std::str::from_utf8(text.bytes()).unwrap()
}

unsafe fn record(instance: *mut abi::Instance, what: String) -> i32 {
    (*instance.cast::<Instance>())
        .heard
        .lock()
        .unwrap()
        .push(what);
    abi::OK
}

unsafe extern "C" fn read(
    conn: *mut abi::Conn,
    buffer: *mut u8,
    capacity: usize,
    size: *mut usize,
) -> i32 {
    read_into(conn, buffer, capacity, size, true)
}

unsafe extern "C" fn read_now(
    conn: *mut abi::Conn,
    buffer: *mut u8,
    capacity: usize,
    size: *mut usize,
) -> i32 {
    read_into(conn, buffer, capacity, size, false)
}

unsafe fn read_into(
    conn: *mut abi::Conn,
    buffer: *mut u8,
    capacity: usize,
    size: *mut usize,
    waits: bool,
) -> i32 {
    match client(conn).read(std::slice::from_raw_parts_mut(buffer, capacity), waits) {
        Ok(count) => {
            *size = count;
            abi::OK
        }
        Err(status) => status,
    }
}

unsafe extern "C" fn write(conn: *mut abi::Conn, parts: *const abi::Bytes, count: usize) -> i32 {
    let parts = std::slice::from_raw_parts(parts, count);
    let all: Vec<u8> = parts
        .iter()
        .flat_map(|part| {
            abi::Str {
                data: part.data,
                size: part.size,
            }
            .bytes()
        })
        .copied()
        .collect();
    client(conn).write(&all)
}

unsafe extern "C" fn send(
    conn: *mut abi::Conn,
    parts: *const abi::Bytes,
    count: usize,
    _fd: i32,
    _offset: u64,
    _length: u64,
    left: *mut u64,
) -> i32 {
    *left = 0;
    write(conn, parts, count)
}

unsafe extern "C" fn finish(_conn: *mut abi::Conn) -> i32 {
    abi::OK
}

unsafe extern "C" fn set_deadline(conn: *mut abi::Conn, milliseconds: u64) -> i32 {
    client(conn).deadline = (milliseconds > 0).then(|| Duration::from_millis(milliseconds));
    abi::OK
}

unsafe extern "C" fn event(conn: *mut abi::Conn) -> i32 {
    client(conn).event
}

unsafe extern "C" fn id(_conn: *mut abi::Conn) -> u64 {
    1
}

unsafe extern "C" fn fact(_conn: *mut abi::Conn, which: i32, value: *mut abi::Str) -> i32 {
    *value = abi::Str::new(match which {
        abi::FACT_PEER => "192.0.2.1:40123",
        abi::FACT_LISTENER | abi::FACT_INSTANCE => "test",
        _ => return abi::NOT_FOUND,
    });
    abi::OK
}

unsafe extern "C" fn state(conn: *mut abi::Conn) -> *mut c_void {
    client(conn).state
}

unsafe extern "C" fn set_state(conn: *mut abi::Conn, state: *mut c_void) -> i32 {
    client(conn).state = state;
    abi::OK
}

unsafe extern "C" fn wake(instance: *mut abi::Instance, id: u64) -> i32 {
    record(instance, format!("wake {id}"))
}

unsafe extern "C" fn stopping(_instance: *mut abi::Instance) -> i32 {
    0
}

unsafe extern "C" fn log(
    instance: *mut abi::Instance,
    _: *mut abi::Conn,
    _level: i32,
    line: abi::Str,
    _: *const abi::Field,
    _: usize,
    _: usize,
) {
    record(instance, format!("log {}", text(line)));
}

unsafe extern "C" fn set_error(instance: *mut abi::Instance, _conn: *mut abi::Conn, why: abi::Str) {
    *(*instance.cast::<Instance>()).error.lock().unwrap() = text(why).to_string();
}

unsafe extern "C" fn config_string(
    raw: *const abi::Config,
    key: abi::Str,
    required: i32,
    value: *mut abi::Str,
) -> i32 {
    let (config, key) = config(raw, key);
    match config.find(key) {
        Some(Value::Text(text)) => *value = abi::Str::new(text),
        None if required == 0 => {}
        None => return config.refuse(key, "missing (expected a string)"),
        Some(_) => return config.refuse(key, "expected a string"),
    }
    abi::OK
}

unsafe extern "C" fn config_integer(
    raw: *const abi::Config,
    key: abi::Str,
    least: i64,
    most: i64,
    value: *mut i64,
) -> i32 {
    let (config, key) = config(raw, key);
    match config.find(key) {
        Some(Value::Integer(number)) if (least..=most).contains(&number) => *value = number,
        None => {}
        Some(_) => {
            return config.refuse(key, &format!("expected an integer from {least} to {most}"))
        }
    }
    abi::OK
}

unsafe extern "C" fn config_boolean(
    raw: *const abi::Config,
    key: abi::Str,
    value: *mut i32,
) -> i32 {
    let (config, key) = config(raw, key);
    match config.find(key) {
        Some(Value::Boolean(word)) => *value = i32::from(word),
        None => {}
        Some(_) => return config.refuse(key, "expected true or false"),
    }
    abi::OK
}

unsafe extern "C" fn config_duration(
    raw: *const abi::Config,
    key: abi::Str,
    value: *mut u64,
) -> i32 {
    let (config, key) = config(raw, key);
    match config.find(key) {
        Some(Value::Time(time)) => *value = time.as_millis() as u64,
        None => {}
        Some(_) => return config.refuse(key, "expected a duration"),
    }
    abi::OK
}

unsafe extern "C" fn config_size(raw: *const abi::Config, key: abi::Str, value: *mut u64) -> i32 {
    let (config, key) = config(raw, key);
    match config.find(key) {
        Some(Value::Size(bytes)) => *value = bytes,
        None => {}
        Some(_) => return config.refuse(key, "expected a size"),
    }
    abi::OK
}

unsafe extern "C" fn config_count(
    raw: *const abi::Config,
    key: abi::Str,
    count: *mut usize,
) -> i32 {
    let (config, key) = config(raw, key);
    config.find(key);
    *count = 0;
    abi::OK
}

unsafe extern "C" fn config_item(
    _: *const abi::Config,
    _: abi::Str,
    _: usize,
    _: *mut *const abi::Config,
) -> i32 {
    abi::NOT_FOUND
}

unsafe extern "C" fn config_table(
    raw: *const abi::Config,
    key: abi::Str,
    _: *mut *const abi::Config,
) -> i32 {
    let (config, key) = config(raw, key);
    config.find(key);
    abi::OK
}

unsafe extern "C" fn config_reject(raw: *const abi::Config, key: abi::Str, why: abi::Str) {
    let (config, key) = config(raw, key);
    config.refuse(key, text(why));
}

unsafe extern "C" fn get_extension(_: *mut abi::Instance, _: abi::Str) -> *const c_void {
    std::ptr::null()
}

unsafe extern "C" fn write_now(
    _: *mut abi::Conn,
    _: *const abi::Bytes,
    _: usize,
    _: *mut usize,
) -> i32 {
    abi::UNSUPPORTED
}

unsafe extern "C" fn watch(_: *mut abi::Conn, _: *mut abi::Conn, _: u32) -> i32 {
    abi::UNSUPPORTED
}

unsafe extern "C" fn news(_: *mut abi::Conn, _: *mut abi::News, _: usize, _: usize) -> usize {
    0
}

unsafe extern "C" fn end(
    instance: *mut abi::Instance,
    id: u64,
    how: i32,
    _milliseconds: u64,
) -> i32 {
    record(instance, format!("end {id} {how}"))
}

unsafe extern "C" fn for_each(
    _: *mut abi::Instance,
    _: Option<unsafe extern "C" fn(*mut c_void, u64)>,
    _: *mut c_void,
) -> i32 {
    abi::UNSUPPORTED
}

unsafe extern "C" fn wait(_: *mut abi::Conn, _: u64) -> i32 {
    abi::UNSUPPORTED
}

unsafe extern "C" fn set_fact(_: *mut abi::Conn, _: i32, _: abi::Str) -> i32 {
    abi::UNSUPPORTED
}

unsafe extern "C" fn now(_: *mut abi::Instance) -> u64 {
    0
}

static HOST: abi::Host = abi::Host {
    size: std::mem::size_of::<abi::Host>() as u32,
    abi_major: abi::ABI_MAJOR,
    abi_minor: abi::NEEDS_MINOR,
    reserved: 0,
    read,
    write,
    finish,
    set_deadline,
    event,
    id,
    fact,
    state,
    set_state,
    wake,
    stopping,
    log,
    set_error,
    config_string,
    config_integer,
    config_boolean,
    config_duration,
    config_size,
    config_count,
    config_item,
    config_reject,
    get_extension,
    config_table,
    read_now,
    write_now,
    send,
    watch,
    news,
    end,
    for_each,
    wait,
    set_fact,
    now,
};

//! Gatehouse's plugins in safe Rust: implement [`Plugin`], and name it in lib.rs with `gatehouse_plugin!`.
//!
//! - A plugin is one value that serves all connections, many at the same time; so its hooks take `&self`, and what changes in
//!   it needs a lock. What belongs to one connection is in its `Session`.
//! - A panic ends the connection that it serves, or the call that it is in, and nothing else; the host logs its text. Memory
//!   that is not there is no panic: Rust ends the process.
//! - A hook borrows what it is given until it returns, which lifetimes see to. A [`Host`] may be cloned and kept, by threads
//!   too.
//!
//! gatehouse.h is the manual of all this. What it has and this does not (servers, `watch()`, `probe()`, the extensions) is added
//! as what is here: abi.rs declares it.
#![allow(dead_code)] // a plugin uses some of it
use crate::abi;
use std::any::Any;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt::{self, Display};
use std::io::{self, IoSlice, Read, Write};
use std::marker::PhantomData;
use std::ops::RangeInclusive;
use std::os::raw::c_void;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::{Arc, Once, PoisonError, RwLock};
use std::time::Duration;

#[cfg(not(panic = "unwind"))]
compile_error!("a panic would end the host: it needs panic = \"unwind\", which is Cargo's default");

/// Why a hook fails, in words for the operator: `Err("a line is too long".into())`.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
pub type Result<T> = std::result::Result<T, Error>;

pub trait Plugin: Sized + Send + Sync + 'static {
    /// What a connection keeps between two calls of [`serve`](Plugin::serve); `()` if that is nothing.
    type Session: Default + Send + 'static;

    /// A command that a user may type to try it; the host fills in {host} and {port}.
    const TRY_IT: &'static str = "";

    /// Whether the host calls `serve` as soon as a client has connected, and not when it has sent something.
    const SERVER_FIRST: bool = false;

    /// Reads the configuration, and judges it. It has no effect outside of the process, since `gatehouse check` calls it too.
    fn create(config: &Config<'_>, host: &Host) -> Result<Self>;

    /// The plugin is going to be used: opens files, starts threads.
    fn start(&self) -> Result<()> {
        Ok(())
    }

    /// Serves a connection, whenever there is something to do for it. `?` does what is right with an error of the connection
    /// itself: it is closed. Any other one is the plugin's own failure, which the host logs.
    fn serve(&self, client: &mut Connection<'_>, session: &mut Self::Session) -> Result<Next>;

    /// The connection `id` has ended; `reason` is the host's word for why: "done", "peer_closed". It must not block.
    fn closed(&self, id: u64, session: Self::Session, reason: &str) {
        let _ = (id, session, reason);
    }

    /// The plugin drains: its connections are about to hear [`Event::Stopping`]. It must not block.
    fn stop(&self) {}
}

/// What happens to a connection next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The dialogue is over: the host delivers what was written, and closes.
    Close,
    /// The host calls `serve` again when there is something to read or another event; meanwhile it holds no thread.
    Park,
    /// As `Park`, but the client's bytes stay unread.
    Wait,
}

/// Why `serve` is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The first time.
    Open,
    /// There is something to read, perhaps the end.
    Data,
    /// Somebody has called [`Host::wake`].
    Wake,
    /// A configured deadline has passed; the connection ends. A short farewell may be written.
    Timeout,
    /// The host drains: say goodbye in the protocol.
    Stopping,
    /// The plugin's own deadline has passed, and is gone.
    Timer,
    /// The kernel has all that [`Connection::send`] had left.
    Sent,
}

/// What the host answers instead of bytes. It is inside of the `io::Error` of a [`Connection`]; see [`Status::of`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(i32);

impl Status {
    /// The peer has finished sending; it may still be reading. `Read::read` returns `Ok(0)` instead.
    pub const END: Status = Status(abi::END);
    /// A configured deadline has passed, and the host ends the connection.
    pub const TIMEOUT: Status = Status(abi::TIMEOUT);
    /// The host drains; said once. Say goodbye, or finish what there is to finish.
    pub const STOPPING: Status = Status(abi::STOPPING);
    /// The connection is gone.
    pub const RESET: Status = Status(abi::RESET);
    /// The plugin's own deadline has passed, and is gone; the connection goes on.
    pub const TIMER: Status = Status(abi::TIMER);
    /// It would have to wait, or the host holds too much already; nothing has happened.
    pub const AGAIN: Status = Status(abi::AGAIN);

    /// The status in an error of a connection.
    pub fn of(error: &io::Error) -> Option<Status> {
        error.get_ref()?.downcast_ref().copied()
    }

    fn check(status: i32) -> io::Result<()> {
        match status {
            abi::OK => Ok(()),
            _ => Err(Status(status).into()),
        }
    }

    /// Whether it says how a connection ends, and not that the plugin has failed.
    fn is_of_the_connection(self) -> bool {
        [
            Status::END,
            Status::TIMEOUT,
            Status::STOPPING,
            Status::RESET,
            Status::TIMER,
        ]
        .contains(&self)
    }
}

impl Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            abi::OK => "ok",
            abi::END => "the peer has finished sending",
            abi::TIMEOUT => "a deadline has passed",
            abi::STOPPING => "the host drains",
            abi::RESET => "the connection is gone",
            abi::INVALID => "an argument is wrong",
            abi::NOT_FOUND => "there is no such thing",
            abi::REFUSED => "refused",
            abi::EXHAUSTED => "out of a limited resource",
            abi::UNSUPPORTED => "not supported",
            abi::UNREACHABLE => "unreachable",
            abi::TIMER => "the plugin's deadline has passed",
            abi::AGAIN => "not at the moment",
            _ => "failed",
        })
    }
}

impl std::error::Error for Status {}

impl From<Status> for io::Error {
    fn from(status: Status) -> io::Error {
        let kind = match status.0 {
            abi::END => io::ErrorKind::UnexpectedEof,
            abi::TIMEOUT | abi::TIMER => io::ErrorKind::TimedOut,
            abi::RESET => io::ErrorKind::ConnectionReset,
            abi::AGAIN => io::ErrorKind::WouldBlock,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, status)
    }
}

/// A client's connection, for as long as `serve` runs. Reading waits for the first byte, up to the connection's deadlines;
/// writing writes everything or fails.
pub struct Connection<'a> {
    table: &'static abi::Host,
    raw: *mut abi::Conn,
    serve: PhantomData<&'a mut ()>,
}

/// Facts that the host knows of some connections; [`Connection::fact`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Fact {
    Peer = abi::FACT_PEER,
    Local = abi::FACT_LOCAL,
    Listener = abi::FACT_LISTENER,
    Instance = abi::FACT_INSTANCE,
    TransportPeer = abi::FACT_TRANSPORT_PEER,
    TlsVersion = abi::FACT_TLS_VERSION,
    TlsCipher = abi::FACT_TLS_CIPHER,
    TlsSni = abi::FACT_TLS_SNI,
    TlsAlpn = abi::FACT_TLS_ALPN,
    TlsClientSubject = abi::FACT_TLS_CLIENT_SUBJECT,
    TlsClientSans = abi::FACT_TLS_CLIENT_SANS,
}

// SAFETY of the calls below: `raw` is valid while serve() runs, which is `'a`, and this thread is the one that serves it, since
// a Connection is neither Send nor Sync. What a call is given lives until it returns.
impl<'a> Connection<'a> {
    pub fn event(&self) -> Event {
        match unsafe { (self.table.event)(self.raw) } {
            abi::EVENT_OPEN => Event::Open,
            abi::EVENT_WAKE => Event::Wake,
            abi::EVENT_TIMEOUT => Event::Timeout,
            abi::EVENT_STOPPING => Event::Stopping,
            abi::EVENT_TIMER => Event::Timer,
            abi::EVENT_SENT => Event::Sent,
            _ => Event::Data, // the others come to those who watch servers
        }
    }

    /// Unique while the host runs; for [`Host::wake`] and [`Host::end`].
    pub fn id(&self) -> u64 {
        unsafe { (self.table.id)(self.raw) }
    }

    /// Bytes, since a client may have said them, as the name in TLS. `None`: the host does not know it.
    pub fn fact(&self, which: Fact) -> Option<&'a [u8]> {
        let mut value = abi::Str::EMPTY;
        match unsafe { (self.table.fact)(self.raw, which as i32, &mut value) } {
            abi::OK => Some(unsafe { value.bytes() }),
            _ => None,
        }
    }

    /// The client's address: "192.0.2.1:40123".
    pub fn peer(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.fact(Fact::Peer).unwrap_or_default())
    }

    /// The plugin's own deadline, from now on; it stays across parks. When it passes, a read fails with [`Status::TIMER`], or
    /// a parked connection is served with [`Event::Timer`].
    pub fn set_deadline(&mut self, from_now: Duration) {
        unsafe { (self.table.set_deadline)(self.raw, milliseconds(from_now).max(1)) };
        // 0 would be none
    }

    pub fn clear_deadline(&mut self) {
        unsafe { (self.table.set_deadline)(self.raw, 0) };
    }

    /// Hands output over, which the host then sends without a thread. Returns how many bytes it has left; if that is not 0,
    /// [`Event::Sent`] comes when it is. [`Status::AGAIN`]: it has taken nothing, since it holds 256 KiB already.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let part = abi::Bytes {
            data: bytes.as_ptr(),
            size: bytes.len(),
        };
        let mut left = 0;
        Status::check(unsafe { (self.table.send)(self.raw, &part, 1, -1, 0, 0, &mut left) })?;
        Ok(left)
    }

    /// As `read`, but it never waits: [`Status::AGAIN`] instead. An event may have come in vain, and a thread that waits hears no
    /// wake-up; so a plugin that calls [`Host::wake`] reads with this.
    pub fn read_now(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_by(self.table.read_now, buffer)
    }

    /// Tells the client that the plugin has written its last byte; the plugin may read on.
    pub fn finish(&mut self) -> io::Result<()> {
        Status::check(unsafe { (self.table.finish)(self.raw) })
    }

    fn read_by(&mut self, read: abi::Read, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let mut size = 0;
        match unsafe { read(self.raw, buffer.as_mut_ptr(), buffer.len(), &mut size) } {
            abi::END => Ok(0),
            status => Status::check(status).map(|()| size),
        }
    }

    fn session<S: Default>(&mut self) -> io::Result<&'a mut S> {
        let mut state = unsafe { (self.table.state)(self.raw) };
        if state.is_null() {
            state = Box::into_raw(Box::new(S::default())).cast();
            if let Err(error) = Status::check(unsafe { (self.table.set_state)(self.raw, state) }) {
                drop(unsafe { Box::<S>::from_raw(state.cast()) });
                return Err(error);
            }
        }
        // SAFETY: closed() frees it, after serve(); and there is one serve() at a time for a connection.
        Ok(unsafe { &mut *state.cast::<S>() })
    }
}

impl Read for Connection<'_> {
    /// `Ok(0)`: the client has finished sending.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_by(self.table.read, buffer)
    }

    /// As the standard's, but a client that ends too early is a matter of the connection: [`Status::END`].
    fn read_exact(&mut self, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            match self.read(buffer)? {
                0 => return Err(Status::END.into()),
                size => buffer = &mut buffer[size..],
            }
        }
        Ok(())
    }
}

impl Write for Connection<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        // An IoSlice is an iovec, and that is what gatehouse_bytes is as well.
        Status::check(unsafe { (self.table.write)(self.raw, parts.as_ptr().cast(), parts.len()) })?;
        Ok(parts.iter().map(|part| part.len()).sum())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A table of the plugin's configuration, for as long as `create` runs. A wrong value is not the plugin's to handle: the host
/// remembers it and refuses the plugin with file and line, as it does with keys that `create` has not read.
pub struct Config<'a> {
    table: &'static abi::Host,
    raw: *const abi::Config,
    create: PhantomData<&'a ()>,
}

// SAFETY of the calls below: `raw` is valid while create() runs, which is `'a`. What a call is given lives until it returns.
impl<'a> Config<'a> {
    pub fn string(&self, key: &str, absent: &'a str) -> &'a str {
        self.text(key, false, absent)
    }

    /// The host refuses the plugin if the key is absent.
    pub fn required_string(&self, key: &str) -> &'a str {
        self.text(key, true, "")
    }

    pub fn integer(&self, key: &str, range: RangeInclusive<i64>, absent: i64) -> i64 {
        let mut value = absent;
        unsafe {
            (self.table.config_integer)(
                self.raw,
                abi::Str::new(key),
                *range.start(),
                *range.end(),
                &mut value,
            )
        };
        value
    }

    pub fn boolean(&self, key: &str, absent: bool) -> bool {
        let mut value = i32::from(absent);
        unsafe { (self.table.config_boolean)(self.raw, abi::Str::new(key), &mut value) };
        value != 0
    }

    /// "30s", "5m".
    pub fn duration(&self, key: &str, absent: Duration) -> Duration {
        let mut value = milliseconds(absent);
        unsafe { (self.table.config_duration)(self.raw, abi::Str::new(key), &mut value) };
        Duration::from_millis(value)
    }

    /// "64KiB", in bytes.
    pub fn size(&self, key: &str, absent: u64) -> u64 {
        let mut value = absent;
        unsafe { (self.table.config_size)(self.raw, abi::Str::new(key), &mut value) };
        value
    }

    /// The items of an array, each as a table; one that is none has its value under the empty key.
    pub fn items(&self, key: &str) -> Vec<Config<'a>> {
        let mut count = 0;
        unsafe { (self.table.config_count)(self.raw, abi::Str::new(key), &mut count) };
        let item = |index| {
            self.child(|raw| unsafe {
                (self.table.config_item)(self.raw, abi::Str::new(key), index, raw)
            })
        };
        (0..count).filter_map(item).collect()
    }

    /// A table in this one; `None` if the key is absent.
    pub fn table(&self, key: &str) -> Option<Config<'a>> {
        self.child(|raw| unsafe { (self.table.config_table)(self.raw, abi::Str::new(key), raw) })
    }

    /// Says that the value of `key` is wrong, and why: "must be one line".
    pub fn reject(&self, key: &str, why: &str) {
        unsafe { (self.table.config_reject)(self.raw, abi::Str::new(key), abi::Str::new(why)) };
    }

    fn text(&self, key: &str, required: bool, absent: &'a str) -> &'a str {
        let mut value = abi::Str::new(absent);
        unsafe {
            (self.table.config_string)(
                self.raw,
                abi::Str::new(key),
                i32::from(required),
                &mut value,
            )
        };
        // SAFETY: the host's texts are valid during create(), and `absent` lives as long.
        std::str::from_utf8(unsafe { value.bytes() }).unwrap_or_else(|_| {
            self.reject(key, "must be UTF-8");
            absent
        })
    }

    fn child(&self, get: impl FnOnce(&mut *const abi::Config) -> i32) -> Option<Config<'a>> {
        let mut raw = std::ptr::null();
        let status = get(&mut raw);
        (status == abi::OK && !raw.is_null()).then_some(Config {
            table: self.table,
            raw,
            create: PhantomData,
        })
    }
}

/// The host, for this plugin. Any thread may call it, and a clone may be kept: when the plugin is destroyed it goes dead.
#[derive(Clone)]
pub struct Host(Arc<Handle>);

struct Handle {
    table: &'static abi::Host,
    instance: RwLock<*mut abi::Instance>, // null when the plugin is destroyed
}

// SAFETY: what is called with `instance` may be called by any thread, but not after the plugin is destroyed: the lock is for
// that.
unsafe impl Send for Handle {}
unsafe impl Sync for Handle {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Level {
    Debug = abi::LEVEL_DEBUG,
    Info = abi::LEVEL_INFO,
    Warning = abi::LEVEL_WARNING,
    Error = abi::LEVEL_ERROR,
}

/// How [`Host::end`] ends a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It hears [`Event::Stopping`], and has this time to finish.
    Stop(Duration),
    /// What was written is delivered.
    Close,
    /// At once, and so that nothing that is cut looks whole.
    Reset,
}

impl Host {
    fn new(table: &'static abi::Host, instance: *mut abi::Instance) -> Host {
        Host(Arc::new(Handle {
            table,
            instance: RwLock::new(instance),
        }))
    }

    /// Has `serve` called for a parked connection, with [`Event::Wake`]. False: it has ended, which does no harm.
    pub fn wake(&self, id: u64) -> bool {
        self.call(|table, instance| unsafe { (table.wake)(instance, id) } == abi::OK)
    }

    /// Ends a connection, whatever it does. False: it has ended already.
    pub fn end(&self, id: u64, how: How) -> bool {
        let (how, time) = match how {
            How::Stop(time) => (abi::HOW_STOP, milliseconds(time)),
            How::Close => (abi::HOW_CLOSE, 0),
            How::Reset => (abi::HOW_RESET, 0),
        };
        self.call(|table, instance| unsafe { (table.end)(instance, id, how, time) } == abi::OK)
    }

    /// Whether the plugin drains.
    pub fn stopping(&self) -> bool {
        self.call(|table, instance| unsafe { (table.stopping)(instance) } != 0)
    }

    /// Writes a line to the host's log.
    pub fn log(&self, level: Level, text: &str) {
        self.call(|table, instance| {
            let (conn, none) = (std::ptr::null_mut(), std::ptr::null());
            let text = abi::Str::new(text);
            unsafe { (table.log)(instance, conn, level as i32, text, none, 0, 0) };
            true
        });
    }

    fn call(&self, call: impl FnOnce(&abi::Host, *mut abi::Instance) -> bool) -> bool {
        let instance = self
            .0
            .instance
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        !instance.is_null() && call(self.0.table, *instance)
    }

    /// Tells why a hook fails. The text of an error is made by code of the plugin's, which may panic as well.
    fn set_error(&self, conn: *mut abi::Conn, error: Error) {
        let text = caught("the error's text", move || error.to_string())
            .unwrap_or_else(|panic| panic.to_string());
        self.call(|table, instance| {
            unsafe { (table.set_error)(instance, conn, abi::Str::new(&text)) };
            true
        });
    }

    fn forget(&self) {
        *self
            .0
            .instance
            .write()
            .unwrap_or_else(PoisonError::into_inner) = std::ptr::null_mut();
    }
}

/// Makes `gatehouse_plugin_v1`, the one function that the host looks for: `gatehouse_plugin!(Lines, "lines");`
#[macro_export]
macro_rules! gatehouse_plugin {
    ($plugin:ty, $name:expr) => {
        #[no_mangle]
        pub extern "C" fn gatehouse_plugin_v1() -> *const $crate::abi::Plugin {
            static TABLE: $crate::abi::Plugin =
                $crate::gatehouse::table::<$plugin>($name, env!("CARGO_PKG_VERSION"));
            &TABLE
        }
    };
}

pub const fn table<P: Plugin>(name: &'static str, version: &'static str) -> abi::Plugin {
    abi::Plugin {
        size: std::mem::size_of::<abi::Plugin>() as u32,
        abi_major: abi::ABI_MAJOR,
        needs_minor: abi::NEEDS_MINOR,
        flags: if P::SERVER_FIRST {
            abi::SERVER_FIRST
        } else {
            0
        },
        name: abi::Str::new(name),
        version: abi::Str::new(version),
        try_it: abi::Str::new(P::TRY_IT),
        create: Some(create::<P>),
        start: Some(start::<P>),
        serve: Some(serve::<P>),
        closed: Some(closed::<P>),
        stop: Some(stop::<P>),
        destroy: Some(destroy::<P>),
        probe: None,
        get_extension: None,
    }
}

struct Instance<P> {
    host: Host,
    plugin: P,
}

/// # Safety
/// `me` is what create() has stored, and destroy() has not been called.
unsafe fn instance<'a, P>(me: *mut c_void) -> &'a Instance<P> {
    &*me.cast::<Instance<P>>()
}

// The hooks. SAFETY: the host calls them as gatehouse.h says, which is all that they rely on. No panic leaves them.

unsafe extern "C" fn create<P: Plugin>(
    table: *const abi::Host,
    instance: *mut abi::Instance,
    config: *const abi::Config,
    me: *mut *mut c_void,
) -> i32 {
    let table: &'static abi::Host = &*table;
    let host = Host::new(table, instance);
    match attempt("create()", || {
        P::create(
            &Config {
                table,
                raw: config,
                create: PhantomData,
            },
            &host,
        )
    }) {
        Ok(plugin) => {
            *me = Box::into_raw(Box::new(Instance { host, plugin })).cast();
            abi::OK
        }
        Err(error) => {
            host.set_error(std::ptr::null_mut(), error);
            host.forget();
            abi::FAILED
        }
    }
}

unsafe extern "C" fn start<P: Plugin>(me: *mut c_void) -> i32 {
    let me = instance::<P>(me);
    match attempt("start()", || me.plugin.start()) {
        Ok(()) => abi::OK,
        Err(error) => {
            me.host.set_error(std::ptr::null_mut(), error);
            abi::FAILED
        }
    }
}

unsafe extern "C" fn serve<P: Plugin>(me: *mut c_void, raw: *mut abi::Conn) -> i32 {
    let me = instance::<P>(me);
    let mut client = Connection {
        table: me.host.0.table,
        raw,
        serve: PhantomData,
    };
    let next = attempt("serve()", || {
        let session = client.session()?;
        me.plugin.serve(&mut client, session)
    });
    match next {
        Ok(Next::Close) => abi::NEXT_CLOSE,
        Ok(Next::Park) => abi::NEXT_PARK,
        Ok(Next::Wait) => abi::NEXT_WAIT,
        Err(error) if is_of_the_connection(&error) => abi::NEXT_CLOSE,
        Err(error) => {
            let next = if error.is::<Panic>() {
                abi::NEXT_EXCEPTION
            } else {
                abi::NEXT_ERROR
            };
            me.host.set_error(raw, error);
            next
        }
    }
}

unsafe extern "C" fn closed<P: Plugin>(
    me: *mut c_void,
    id: u64,
    state: *mut c_void,
    reason: abi::Str,
) {
    if state.is_null() {
        return; // its first serve() could not even make a session
    }
    let me = instance::<P>(me);
    let session = *Box::<P::Session>::from_raw(state.cast());
    let reason = String::from_utf8_lossy(reason.bytes());
    finish("closed()", &me.host, || {
        me.plugin.closed(id, session, &reason)
    });
}

unsafe extern "C" fn stop<P: Plugin>(me: *mut c_void) {
    let me = instance::<P>(me);
    finish("stop()", &me.host, || me.plugin.stop());
}

unsafe extern "C" fn destroy<P: Plugin>(me: *mut c_void) {
    let me = Box::<Instance<P>>::from_raw(me.cast());
    let (host, plugin) = (me.host, me.plugin);
    finish("drop()", &host, || drop(plugin));
    host.forget();
}

fn is_of_the_connection(error: &Error) -> bool {
    let status = match error.downcast_ref::<io::Error>() {
        Some(error) => Status::of(error),
        None => error.downcast_ref().copied(),
    };
    matches!(status, Some(status) if status.is_of_the_connection())
}

/// Runs a hook that can fail; a panic is a failure.
fn attempt<T>(hook: &str, call: impl FnOnce() -> Result<T>) -> Result<T> {
    caught(hook, call).unwrap_or_else(|panic| Err(panic.into()))
}

/// Runs a hook that cannot fail; the host logs a panic.
fn finish(hook: &str, host: &Host, call: impl FnOnce()) {
    if let Err(panic) = caught(hook, call) {
        host.log(Level::Error, &panic.to_string());
    }
}

/// A panic that a hook was left by: "serve() panicked: index out of bounds, in my-plugin.rs:12".
#[derive(Debug)]
struct Panic(String);

impl Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Panic {}

thread_local! {
    static IN_HOOK: Cell<bool> = const { Cell::new(false) };
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

fn caught<T>(hook: &str, call: impl FnOnce() -> T) -> std::result::Result<T, Panic> {
    keep_texts_of_panics();
    let before = IN_HOOK.with(|in_hook| in_hook.replace(true));
    let result = panic::catch_unwind(AssertUnwindSafe(call));
    IN_HOOK.with(|in_hook| in_hook.set(before));
    result.map_err(|payload| {
        let dropped = panic::catch_unwind(AssertUnwindSafe(|| drop(payload)));
        dropped.unwrap_or_else(std::mem::forget); // its destructor has panicked as well
        Panic(format!(
            "{hook} panicked: {}",
            LAST_PANIC.with(|text| text.take())
        ))
    })
}

/// Has the text of a panic in a hook kept for the host's log instead of printed. Those of the plugin's own threads are printed
/// as usual.
fn keep_texts_of_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if IN_HOOK.with(Cell::get) {
                LAST_PANIC.with(|text| text.replace(text_of(info.payload(), info.location())));
            } else {
                print(info);
            }
        }));
    });
}

fn text_of(payload: &(dyn Any + Send), place: Option<&Location<'_>>) -> String {
    let message = match (
        payload.downcast_ref::<String>(),
        payload.downcast_ref::<&str>(),
    ) {
        (Some(text), _) => text,
        (_, Some(text)) => *text,
        _ => "something that is no text",
    };
    match place {
        Some(place) => format!("{message}, in {}:{}", place.file(), place.line()),
        None => message.to_string(),
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

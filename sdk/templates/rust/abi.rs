//! What gatehouse.h declares, in ABI 0.3: the same names without "gatehouse_", and the same order. gatehouse.h says what they
//! mean. abi_test.rs compares all of it with the header.
#![allow(dead_code)] // all entries of a table have to be there, used or not
use std::os::raw::c_void;

/// Declares structs as C lays them out. For the test, facts() tells of each what the C compiler has to find as well.
macro_rules! structs {
    ($($c:ident $name:ident { $($field:ident: $type:ty,)* })*) => {
        $(
            #[repr(C)]
            #[derive(Clone, Copy)]
            pub struct $name { $(pub $field: $type,)* }

            #[cfg(test)]
            impl $name {
                pub fn facts(facts: &mut Vec<(String, i64)>) {
                    let place = std::mem::MaybeUninit::<$name>::uninit();
                    let start = place.as_ptr();
                    let c = stringify!($c);
                    facts.push((format!("sizeof({c})"), std::mem::size_of::<$name>() as i64));
                    $({
                        // SAFETY: this takes an address, and reads nothing.
                        let field = unsafe { std::ptr::addr_of!((*start).$field) };
                        let offset = field as usize - start as usize;
                        let name = stringify!($field).trim_start_matches("r#");
                        facts.push((format!("offsetof({c}, {name})"), offset as i64));
                        let size = std::mem::size_of::<$type>();
                        facts.push((format!("sizeof((({c}*)0)->{name})"), size as i64));
                        if let Some(function) = crate::abi_test::c_function(stringify!($type)) {
                            facts.push((format!("_Generic((({c}*)0)->{name}, {function}: 1, default: 0)"), 1));
                        }
                    })*
                }
            }
        )*

        #[cfg(test)]
        pub fn facts() -> Vec<(String, i64)> {
            let mut facts = values();
            $($name::facts(&mut facts);)*
            facts
        }
    };
}

/// Declares the header's numbers.
macro_rules! values {
    ($($name:ident: $type:ty = $value:expr,)*) => {
        $(pub const $name: $type = $value;)*

        #[cfg(test)]
        fn values() -> Vec<(String, i64)> {
            vec![$((concat!("GATEHOUSE_", stringify!($name)).to_string(), i64::from($name)),)*]
        }
    };
}

values! {
    ABI_MAJOR: u32 = 0,
    NEEDS_MINOR: u32 = 3,

    OK: i32 = 0,
    END: i32 = -1,
    TIMEOUT: i32 = -2,
    STOPPING: i32 = -3,
    RESET: i32 = -4,
    INVALID: i32 = -5,
    NOT_FOUND: i32 = -6,
    REFUSED: i32 = -7,
    EXHAUSTED: i32 = -8,
    UNSUPPORTED: i32 = -9,
    FAILED: i32 = -10,
    UNREACHABLE: i32 = -11,
    TIMER: i32 = -12,
    AGAIN: i32 = -13,

    NEXT_CLOSE: i32 = 0,
    NEXT_PARK: i32 = 1,
    NEXT_WAIT: i32 = 3,
    NEXT_ERROR: i32 = -1,
    NEXT_EXCEPTION: i32 = -2,

    EVENT_OPEN: i32 = 0,
    EVENT_DATA: i32 = 1,
    EVENT_WAKE: i32 = 2,
    EVENT_TIMEOUT: i32 = 3,
    EVENT_STOPPING: i32 = 4,
    EVENT_TIMER: i32 = 5,
    EVENT_SENT: i32 = 6,

    FACT_PEER: i32 = 1,
    FACT_LOCAL: i32 = 2,
    FACT_LISTENER: i32 = 3,
    FACT_INSTANCE: i32 = 4,
    FACT_TRANSPORT_PEER: i32 = 5,
    FACT_USER: i32 = 6,
    FACT_SERVER_NAME: i32 = 7,
    FACT_ROUTE_VALUE: i32 = 11,
    FACT_CAUSE: i32 = 12,
    FACT_TLS_VERSION: i32 = 16,
    FACT_TLS_CIPHER: i32 = 17,
    FACT_TLS_SNI: i32 = 18,
    FACT_TLS_ALPN: i32 = 19,
    FACT_TLS_CLIENT_SUBJECT: i32 = 20,
    FACT_TLS_CLIENT_SANS: i32 = 21,

    LEVEL_DEBUG: i32 = 0,
    LEVEL_INFO: i32 = 1,
    LEVEL_WARNING: i32 = 2,
    LEVEL_ERROR: i32 = 3,

    HOW_STOP: i32 = 0,
    HOW_CLOSE: i32 = 1,
    HOW_RESET: i32 = 2,

    SERVER_FIRST: u32 = 1,
}

/// What only the host knows the inside of.
#[repr(C)]
pub struct Conn([u8; 0]);
#[repr(C)]
pub struct Config([u8; 0]);
#[repr(C)]
pub struct Instance([u8; 0]);

pub type Read = unsafe extern "C" fn(*mut Conn, *mut u8, usize, *mut usize) -> i32;

structs! {
    gatehouse_str Str {
        data: *const u8,
        size: usize,
    }

    gatehouse_bytes Bytes {
        data: *const u8,
        size: usize,
    }

    gatehouse_value Value {
        r#type: i32,
        reserved: u32,
        number: i64,
        text: Str,
    }

    gatehouse_field Field {
        name: Str,
        value: Value,
    }

    gatehouse_news News {
        stream: *mut Conn,
        ready: u32,
        reserved: u32,
    }

    gatehouse_probe Probe {
        size: u32,
        reserved: u32,
        bytes: Bytes,
        listener: Str,
        peer: Str,
        server_name: Str,
        protocol: Str,
    }

    gatehouse_host Host {
        size: u32,
        abi_major: u32,
        abi_minor: u32,
        reserved: u32,
        read: unsafe extern "C" fn(*mut Conn, *mut u8, usize, *mut usize) -> i32,
        write: unsafe extern "C" fn(*mut Conn, *const Bytes, usize) -> i32,
        finish: unsafe extern "C" fn(*mut Conn) -> i32,
        set_deadline: unsafe extern "C" fn(*mut Conn, u64) -> i32,
        event: unsafe extern "C" fn(*mut Conn) -> i32,
        id: unsafe extern "C" fn(*mut Conn) -> u64,
        fact: unsafe extern "C" fn(*mut Conn, i32, *mut Str) -> i32,
        state: unsafe extern "C" fn(*mut Conn) -> *mut c_void,
        set_state: unsafe extern "C" fn(*mut Conn, *mut c_void) -> i32,
        wake: unsafe extern "C" fn(*mut Instance, u64) -> i32,
        stopping: unsafe extern "C" fn(*mut Instance) -> i32,
        log: unsafe extern "C" fn(*mut Instance, *mut Conn, i32, Str, *const Field, usize, usize),
        set_error: unsafe extern "C" fn(*mut Instance, *mut Conn, Str),
        config_string: unsafe extern "C" fn(*const Config, Str, i32, *mut Str) -> i32,
        config_integer: unsafe extern "C" fn(*const Config, Str, i64, i64, *mut i64) -> i32,
        config_boolean: unsafe extern "C" fn(*const Config, Str, *mut i32) -> i32,
        config_duration: unsafe extern "C" fn(*const Config, Str, *mut u64) -> i32,
        config_size: unsafe extern "C" fn(*const Config, Str, *mut u64) -> i32,
        config_count: unsafe extern "C" fn(*const Config, Str, *mut usize) -> i32,
        config_item: unsafe extern "C" fn(*const Config, Str, usize, *mut *const Config) -> i32,
        config_reject: unsafe extern "C" fn(*const Config, Str, Str),
        get_extension: unsafe extern "C" fn(*mut Instance, Str) -> *const c_void,
        config_table: unsafe extern "C" fn(*const Config, Str, *mut *const Config) -> i32,
        read_now: unsafe extern "C" fn(*mut Conn, *mut u8, usize, *mut usize) -> i32,
        write_now: unsafe extern "C" fn(*mut Conn, *const Bytes, usize, *mut usize) -> i32,
        send: unsafe extern "C" fn(*mut Conn, *const Bytes, usize, i32, u64, u64, *mut u64) -> i32,
        watch: unsafe extern "C" fn(*mut Conn, *mut Conn, u32) -> i32,
        news: unsafe extern "C" fn(*mut Conn, *mut News, usize, usize) -> usize,
        end: unsafe extern "C" fn(*mut Instance, u64, i32, u64) -> i32,
        for_each: unsafe extern "C" fn(
            *mut Instance,
            Option<unsafe extern "C" fn(*mut c_void, u64)>,
            *mut c_void,
        ) -> i32,
        wait: unsafe extern "C" fn(*mut Conn, u64) -> i32,
        set_fact: unsafe extern "C" fn(*mut Conn, i32, Str) -> i32,
        now: unsafe extern "C" fn(*mut Instance) -> u64,
    }

    gatehouse_plugin Plugin {
        size: u32,
        abi_major: u32,
        needs_minor: u32,
        flags: u32,
        name: Str,
        version: Str,
        try_it: Str,
        create: Option<
            unsafe extern "C" fn(*const Host, *mut Instance, *const Config, *mut *mut c_void) -> i32,
        >,
        start: Option<unsafe extern "C" fn(*mut c_void) -> i32>,
        serve: Option<unsafe extern "C" fn(*mut c_void, *mut Conn) -> i32>,
        closed: Option<unsafe extern "C" fn(*mut c_void, u64, *mut c_void, Str)>,
        stop: Option<unsafe extern "C" fn(*mut c_void)>,
        destroy: Option<unsafe extern "C" fn(*mut c_void)>,
        probe: Option<unsafe extern "C" fn(*mut c_void, *const Probe, *mut usize) -> i32>,
        get_extension: Option<unsafe extern "C" fn(*mut c_void, Str) -> *const c_void>,
    }
}

// SAFETY: the table is constant, and so are the texts that it points to.
unsafe impl Sync for Plugin {}

impl Str {
    pub const EMPTY: Str = Str {
        data: std::ptr::null(),
        size: 0,
    };

    pub const fn new(text: &str) -> Str {
        Str {
            data: text.as_ptr(),
            size: text.len(),
        }
    }

    /// # Safety
    /// `'a` must not outlast what the text points to.
    pub unsafe fn bytes<'a>(self) -> &'a [u8] {
        if self.size == 0 {
            return &[];
        }
        std::slice::from_raw_parts(self.data, self.size)
    }
}

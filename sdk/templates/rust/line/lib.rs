mod abi;
mod gatehouse;
#[path = "@NAME@.rs"]
mod plugin;

#[cfg(test)]
mod abi_test;
#[cfg(test)]
mod gatehouse_test;
#[cfg(test)]
mod kit;
#[cfg(test)]
#[path = "@NAME@_test.rs"]
mod plugin_test;

gatehouse_plugin!(plugin::Lines, "@NAME@");

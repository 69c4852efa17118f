use crate::kit::{Plugin, Step};
use crate::plugin::Echo;

#[test]
fn sends_back_what_it_hears() {
    let outcome = Plugin::<Echo>::new().serve(&["hello ".into(), "world\n".into(), Step::End]);
    assert_eq!(outcome.output, "hello world\n");
    assert_eq!(outcome.reason, "peer_closed");
}

#[test]
fn does_not_care_how_the_bytes_arrive() {
    assert_eq!(
        Plugin::<Echo>::new().serve_every_split("one\ntwo"),
        "one\ntwo"
    );
}

#[test]
fn lets_go_of_a_client_that_is_gone() {
    let outcome = Plugin::<Echo>::new()
        .client_takes(2)
        .serve(&["hello".into()]);
    assert_eq!(outcome.reason, "peer_reset");
}

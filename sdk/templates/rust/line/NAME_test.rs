use crate::kit::{refusal, Plugin, Step, Value};
use crate::plugin::Lines;
use std::time::Duration;

const fn seconds(count: u64) -> Step {
    Step::Pass(Duration::from_secs(count))
}

#[test]
fn answers_each_line() {
    assert_eq!(
        Plugin::<Lines>::new().serve_every_split("abc\r\n\nde\nrest"),
        "cba\n\ned\n"
    );
}

#[test]
fn takes_no_line_that_is_too_long() {
    let lines = Plugin::<Lines>::with(&[("longest", Value::Size(3))]);
    assert_eq!(lines.serve(&["abc\n".into()]).output, "cba\n");
    let outcome = lines.serve(&["abcd\n".into()]);
    assert_eq!(outcome.reason, "plugin_error");
    assert_eq!(outcome.error, "a line is longer than 3 bytes");
}

#[test]
fn a_line_has_ten_seconds_from_its_first_byte() {
    let lines = Plugin::<Lines>::new();
    let late = lines.serve(&["a".into(), seconds(9), "b".into(), seconds(1), "c\n".into()]);
    assert_eq!((late.output.as_str(), late.reason), ("", "deadline"));
    let in_time = lines.serve(&[
        "a".into(),
        seconds(9),
        "b\n".into(),
        seconds(60),
        "c\n".into(),
    ]);
    assert_eq!(in_time.output, "ba\nc\n");
}

#[test]
fn checks_its_configuration() {
    assert_eq!(refusal::<Lines>(&[("longest", Value::Size(65536))]), "");
    assert_eq!(
        refusal::<Lines>(&[("longest", Value::Text("long"))]),
        "longest: expected a size"
    );
    assert_eq!(
        refusal::<Lines>(&[("longer", Value::Size(5))]),
        "longer: unknown key (known here: longest, patience)"
    );
}

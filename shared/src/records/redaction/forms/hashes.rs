//! Hashes of values: equal for equal values, and for no others.

use super::redacted_by;
use crate::records::redaction::{HashKey, Redactor, Replacement, Rules};

#[test]
fn values_that_differ_in_letters_of_any_script_have_other_hashes() {
    let redactor = Redactor::new(Rules {
        replacement: Replacement::Hash(HashKey::new("v1", &"a key".into()).unwrap()),
        ..Rules::default()
    });
    for (one, other) in [
        ("иван@пример.рф", "анна@сервер.рф"),
        ("张三@例子.公司", "李四@例子.公司"),
        ("born 5 мая 1984", "born 5 мар 1984"),
        ("https://пример.рф/?token=а", "https://пример.рф/?token=б"),
        ("%D0%B8@x.com", "%D0%B0@x.com"),
    ] {
        let [one, other] = [one, other].map(|text| redacted_by(&redactor, text));

        assert!(one.contains("[REDACTED:"), "{one}");
        assert_ne!(one, other);
    }
    for (one, other) in [
        ("иван@пример.рф", "ИВАН@ПРИМЕР.РФ"),
        ("%D0%B8@x.com", "и@x.com"),
        ("ｍａｒｙ＠ｅｘａｍｐｌｅ．ｃｏｍ", "mary@example.com"),
    ] {
        assert_eq!(redacted_by(&redactor, one), redacted_by(&redactor, other));
    }
}

#[test]
fn only_the_allowed_value_of_a_script_is_kept() {
    let redactor = Redactor::new(Rules {
        allowed: vec!["иван@пример.рф".to_owned()],
        ..Rules::default()
    });

    assert_eq!(redacted_by(&redactor, "иван@пример.рф"), "иван@пример.рф");
    assert_eq!(
        redacted_by(&redactor, "и&#1074;ан@пример.рф"),
        "и&#1074;ан@пример.рф"
    );
    assert_eq!(redacted_by(&redactor, "анна@сервер.рф"), "[REDACTED:EMAIL]");
}

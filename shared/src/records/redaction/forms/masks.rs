//! Values beside a masked one.

use super::redacted_by;
use crate::records::redaction::{Redactor, Region, Replacement, Rules};

#[test]
fn no_value_beside_a_masked_one_is_left() {
    let redactor = Redactor::new(Rules {
        replacement: Replacement::Mask,
        regions: vec![Region::DE],
        ..Rules::default()
    });
    for (text, expected) in [
        (
            "4111111111111111,5500000000000004",
            "************1111,************0004",
        ),
        (
            "4111111111111111/5500000000000004",
            "************1111/************0004",
        ),
        (
            "4111111111111111-5500000000000004-378282246310005",
            "************1111-************0004-***********0005",
        ),
        ("0151 23456789/0151 23456780", "**** ****6789/**** ****6780"),
        ("0151 23456789-0151 23456780", "**** ****6789-**** ****6780"),
        (
            "DE89370400440532013000,DE89370400440532013000",
            "******************3000,******************3000",
        ),
    ] {
        assert_eq!(redacted_by(&redactor, text), expected, "{text}");
    }
}

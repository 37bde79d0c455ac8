//! The functions of the fuzz targets, with generated texts.

use crate::inputs::{cursor, token};
use proptest::prelude::*;

const NEARLY_A_CURSOR: &str = r"[0-9a-f]{63,65}|-?(created_at|priority)|[!-~]{1,130}|[0-9]{4}-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,9})?(Z|[+-][01][0-9]:[0-5][0-9])";
const NEARLY_A_PART: &str = r"[A-Za-z0-9_=-]{0,64}|(\.[A-Za-z0-9_-]{0,43}){0,3}|[ \t\n]{0,3}";

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn accepted_cursor_is_printed_back(text in prop_oneof![NEARLY_A_CURSOR, ".*"]) {
        cursor(&text);
    }

    #[test]
    fn only_the_token_itself_is_verified(text in prop_oneof![NEARLY_A_PART, ".*"]) {
        token(&text);
    }
}

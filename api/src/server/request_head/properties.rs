//! Properties of the normal form of a path.

use percent_encoding::percent_decode_str;
use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn a_normal_path_means_the_same_and_is_its_own_normal_form(
        path in "(/|%[0-9a-fA-F]{2}|%|[0-9a-fA-Fé.~-]){0,16}", any in any::<String>(),
    ) {
        for path in [path, any] {
            let normal = decode_unreserved(&path);
            let bytes = |path: &str| percent_decode_str(path).collect::<Vec<_>>();
            prop_assert_eq!(bytes(&normal), bytes(&path), "{} of {}", normal, path);
            prop_assert_eq!(decode_unreserved(&normal), normal.as_ref());
        }
    }

    #[test]
    fn a_path_of_escapes_has_no_unreserved_one_in_its_normal_form(bytes in any::<Vec<u8>>()) {
        let path: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
        let expected: String = bytes.iter().map(|byte| match is_unreserved(*byte) {
            true => char::from(*byte).to_string(),
            false => format!("%{byte:02x}"),
        }).collect();
        prop_assert_eq!(decode_unreserved(&path), expected);
    }
}

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
        let escape = |byte: &u8| format!("%{byte:02x}");
        let decoded = |byte: &u8| is_unreserved(*byte).then(|| char::from(*byte).to_string());
        let normal = |byte: &u8| decoded(byte).unwrap_or_else(|| escape(byte));
        let path = bytes.iter().map(escape).collect::<Vec<_>>().concat();
        let expected = bytes.iter().map(normal).collect::<Vec<_>>().concat();
        prop_assert_eq!(decode_unreserved(&path), expected);
    }
}

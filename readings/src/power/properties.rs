//! Properties of power and its text.

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn every_power_reads_back_from_its_text(watts in 0.0..=f64::MAX) {
        let power = Power::from_watts(watts).unwrap();
        prop_assert_eq!(Power::from_text(&power.to_string()), Ok(power));
    }

    #[test]
    fn every_accepted_text_is_a_valid_power(text in "[-+ \t]{0,2}[0-9._eEinfatyN]{0,24}", any in any::<String>()) {
        for text in [text, any] {
            if let Ok(power) = Power::from_text(&text) {
                prop_assert_eq!(Power::from_watts(power.watts()), Ok(power), "{:?}", text);
                prop_assert!(power.watts().is_sign_positive(), "{:?}", text);
            }
        }
    }
}

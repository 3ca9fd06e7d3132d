use chrono::{DateTime, NaiveDateTime};
use proptest::prelude::*;

use super::DateOrder;
use super::format::TimeFormat;

/// From 2001 to 2100, in seconds: before, seconds since 1970 have nine digits.
fn times() -> impl Strategy<Value = NaiveDateTime> {
    (1_000_000_000_i64..4_102_444_800)
        .prop_map(|seconds| DateTime::from_timestamp(seconds, 0).unwrap().naive_utc())
}

proptest! {
    #[test]
    fn a_time_is_read_back_in_each_order_with_each_separator_and_clock(time in times()) {
        for (order, formats) in [
            (DateOrder::Ymd, &["%Y-%m-%dT%H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y%m%d%H%M%S", "%Y-%m-%d %I:%M:%S %p"][..]),
            (DateOrder::Dmy, &["%d.%m.%Y %H:%M:%S", "%d/%m/%Y %I:%M:%S %p", "%d-%m-%y %H:%M:%S", "%d-%b-%Y %H:%M:%S"]),
            (DateOrder::Mdy, &["%m/%d/%Y %I:%M:%S %p", "%m-%d-%Y %H:%M:%S", "%b %d, %Y %H:%M:%S"]),
        ] {
            for format in formats {
                let text = time.format(format).to_string();
                let read = TimeFormat::Date(order).parse(&text);
                prop_assert_eq!(read.map(|read| (read.local, read.offset)), Ok((time, None)), "{}", text);
            }
        }
    }

    #[test]
    fn an_offset_is_read_back(time in times(), minutes in -720_i32..840) {
        let sign = if minutes < 0 { '-' } else { '+' };
        let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
        for text in [format!("{time}{sign}{hours:02}:{rest:02}"), format!("{time} {sign}{hours:02}{rest:02}")] {
            let read = TimeFormat::Date(DateOrder::Ymd).parse(&text).map(|read| read.offset);
            prop_assert_eq!(read.map(|offset| offset.map(|offset| offset.local_minus_utc())), Ok(Some(minutes * 60)), "{}", text);
        }
    }

    #[test]
    fn seconds_and_parts_of_them_since_1970_are_the_same_instant(time in times()) {
        let seconds = time.and_utc().timestamp();
        for text in [format!("{seconds}"), format!("{seconds}.000"), format!("{seconds}000"), format!("{seconds}000000")] {
            prop_assert_eq!(TimeFormat::Epoch.parse(&text).map(|read| read.local), Ok(time), "{}", text);
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,32}", signs in "[-+0-9:./TZ apmAPM,]{0,32}") {
        for text in [text, signs] {
            for order in [DateOrder::Ymd, DateOrder::Dmy, DateOrder::Mdy] {
                let _ = TimeFormat::Date(order).parse(&text);
            }
            let _ = TimeFormat::infer([text.as_str()].into_iter());
            let _ = TimeFormat::Custom(text.clone()).parse(&text);
        }
    }
}
